// SET poll (RFC 8936) and channel health: events are fetched, acknowledged once they are applied, answered with error
// sets where they are refused; while the channel is proven alive answers live for ttl_live, and when it falls silent
// nothing older than ttl is served.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Daemon, get, introspect, isActive, isInactive, pause, secretFile, temporaryDirectory, until } from './stage.mjs';
import { Transmitter, seconds } from './transmitter.mjs';

const as = await new Transmitter().start();
const secrets = temporaryDirectory();
const daemon = await new Daemon({ introspection: `${as.url}/introspect`, revocation: '' }, {
  cache: { ttl: '3s', ttl_live: '5m', negative_ttl: '1s' },   // more than a poll may take
  revocation: { channel_timeout: '5s', hold: '1s' },
  upstream: as.conf(),
  tables: { 'authorization_server.poll': { endpoint: `${as.url}/poll`, long_poll: '3s', bearer_token_file: secretFile(secrets, 'ssf', 'ssf-token') } },
}).start();
test.after(() => as.stop());

let number = 0;
async function cached(claims = {}) {
  number += 1;
  const sub = `person-${number}`;
  const token = as.issue(`token-${number}`, { sub, ...claims });
  assert.ok(isActive(await introspect(daemon.unix, token)));
  return { token, sub };
}
const channelIsLive = async () => /live/.test(JSON.stringify((await daemon.status()).authorization_servers ?? await daemon.status()))
  && await daemon.metric('introspectd_channel_live{as="main"}') === 1;
const live = () => until(channelIsLive, { what: 'a live channel' });
async function upstreamCalls(work) {
  const before = as.introspections;
  await work();
  return as.introspections - before;
}

test('the node polls with its bearer token, and an answered poll makes the channel live', async () => {
  await live();
  assert.equal(as.poll.requests[0].authorization, 'Bearer ssf-token');
  assert.ok(as.poll.requests[0].maxEvents > 0);
});

test('while it is live an answer is believed for longer than ttl (I13)', async () => {
  const { token } = await cached();
  await pause(4500);
  assert.equal(await upstreamCalls(async () => assert.ok(isActive(await introspect(daemon.unix, token)))), 0);
});

test('a polled event kills, and is acknowledged after that', async () => {
  const { token, sub } = await cached();
  const claims = as.sessionRevoked(sub);
  as.queue(claims.jti, await as.sign(claims));
  await until(async () => isInactive(await introspect(daemon.unix, token)), { what: 'the event' });
  await until(() => as.poll.acks.includes(claims.jti), { what: 'its acknowledgement' });
  assert.ok(isInactive(await introspect(daemon.unix, token)));
});

test('a refused event is answered with an error set, and others with it are applied', async () => {
  const one = await cached();
  const two = await cached();
  const bad = as.sessionRevoked(one.sub, { aud: 'somebody' });
  const good = as.sessionRevoked(two.sub);
  as.poll.sets.set(bad.jti, await as.sign(bad));
  as.queue(good.jti, await as.sign(good));
  await until(() => as.poll.acks.includes(good.jti) && as.poll.errors[bad.jti], { what: 'ack and error' });
  assert.equal(as.poll.errors[bad.jti].err, 'invalid_audience');
  assert.ok(isInactive(await introspect(daemon.unix, two.token)));
  assert.ok(isActive(await introspect(daemon.unix, one.token)));
});

test('300 events at once are fetched in several polls, all acknowledged once they are applied', async () => {
  const claims = Array.from({ length: 300 }, (_, i) => as.sessionRevoked(`many-${i}`));
  const events = await Promise.all(claims.map(async (one) => [one.jti, await as.sign(one)]));
  for (const [jti, jws] of events) as.poll.sets.set(jti, jws);
  as.queue(...events[0]);
  await until(() => claims.every(({ jti }) => as.poll.acks.includes(jti)), { what: 'all acknowledgements' });
  assert.equal(as.poll.sets.size, 0);
});

test('an event of a new key: the key set is fetched once more', async () => {
  const before = as.keyFetches;
  await as.addKey('EdDSA', 'rotated');
  const { token, sub } = await cached();
  const claims = as.sessionRevoked(sub);
  as.queue(claims.jti, await as.sign(claims));
  // An unknown kid may be asked for only 30 s after the last fetch (STD 3.16); the event waits at the AS, it is not refused.
  await until(async () => isInactive(await introspect(daemon.unix, token)), { patience: 45000, what: 'the rotated key' });
  assert.ok(as.keyFetches > before && as.keyFetches <= before + 2, `${as.keyFetches - before} fetches`);
  assert.equal(as.poll.errors[claims.jti], undefined);
});

test('a silent transmitter: the channel is lost, and nothing older than ttl is served (F93)', async () => {
  await live();
  const { token } = await cached();
  as.poll.silent = true;
  for (const serve of as.poll.waiting) serve();
  await until(async () => await daemon.metric('introspectd_channel_live{as="main"}') === 0, { patience: 25000, what: 'loss' });
  assert.equal(await upstreamCalls(async () => assert.ok(isActive(await introspect(daemon.unix, token)))), 1);
  await pause(3200);
  assert.equal(await upstreamCalls(() => introspect(daemon.unix, token)), 1, 'ttl, not ttl_live');
  const ready = await get(daemon.admin, '/readyz');
  assert.equal(ready.status, 200, 'a node without a live channel still answers');
  as.poll.silent = false;
  await until(channelIsLive, { patience: 40000, what: 'live again' });
});

test('an outage of the poll endpoint: backs off, and what happened meanwhile is fetched afterwards (F92, resume)', async () => {
  await live();
  const { token, sub } = await cached();
  as.poll.down = true;
  for (const serve of as.poll.waiting) serve();
  const before = as.poll.requests.length;
  await pause(3000);
  assert.ok(as.poll.requests.length - before <= 12, `${as.poll.requests.length - before} polls in 3 s of outage`);
  const claims = as.sessionRevoked(sub);
  as.poll.sets.set(claims.jti, await as.sign(claims));
  as.poll.down = false;
  await until(async () => isInactive(await introspect(daemon.unix, token)), { patience: 40000, what: 'the event of the outage' });
  await until(() => as.poll.acks.includes(claims.jti), { what: 'its acknowledgement' });
});

test('a restarted daemon goes on where it was: what was not acknowledged comes again', async () => {
  await daemon.stop();
  const sub = 'restart';
  const claims = as.sessionRevoked(sub);
  as.poll.sets.set(claims.jti, await as.sign(claims));
  daemon.unix.agent?.destroy(); delete daemon.unix.agent;
  daemon.admin.agent?.destroy(); delete daemon.admin.agent;
  await daemon.start();
  await until(() => as.poll.acks.includes(claims.jti), { what: 'its acknowledgement' });
  const token = as.issue('after-restart', { sub, iat: seconds() - 100 });
  assert.ok(isInactive(await introspect(daemon.unix, token)), 'a cut-off is remembered');
});
