// A revoked token is dead for every request that is sent after the revoker got its 200, whatever is in flight.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { AuthorizationServer, Daemon, introspect, isActive, isInactive, pause, revoke, until } from './stage.mjs';

const SIDE_BY_SIDE = 100;
const as = await new AuthorizationServer().start();
const daemon = await new Daemon(as, {
  listen: { threads: 4 },
  upstream: { max_connections: 256, max_in_flight: 1024 },
  caller: { max_in_flight: 1024 },
}).start();
daemon.unix.connections = 512;
daemon.tcp.connections = 512;

// One token whose fetch is on its way to the slowed server: it is revoked, then everybody asks.
// True when the fetch was still in flight at the moment of the revocation.
async function race({ token, early }, number) {
  await pause((number * 37) % 250);
  const inFlight = !early.settled;
  const revoked = await revoke(number % 2 ? daemon.unix : daemon.tcp, token);
  assert.equal(revoked.status, 200, `revoke: ${revoked.status} ${revoked.body}`);
  const ask = async (to) => {
    const reply = await introspect(to, token);
    assert.ok(isInactive(reply), `after the revocation: ${reply.status} ${reply.body}`);
  };
  await Promise.all([ask(daemon.unix), ask(daemon.tcp), ask(daemon.unix), ask(daemon.tcp)]);
  const reply = await early.reply;   // asked before the revocation: either answer is true to its time, an error is not
  assert.equal(reply.status, 200, `in flight: ${reply.status} ${reply.body}`);
  await Promise.all([ask(daemon.unix), ask(daemon.tcp)]);  // the late answer of the server has arrived and changed nothing
  return inFlight;
}

// So many cold tokens asked about, all of them with a call at the slowed server (on a very slow machine the first may
// have its answer before the last has its call; such a token does not count as a race).
async function startFetches(count) {
  const fetches = (await as.mint(count)).map((token) => {
    const early = { settled: false };
    early.reply = introspect(daemon.tcp, token).finally(() => { early.settled = true; });
    return { token, early };
  });
  await until(async () => (await as.stats()).in_flight === count || fetches.some(({ early }) => early.settled),
    { every: 5, what: `${count} calls in flight` });
  return fetches;
}

test('no request sent after POST /revoke answered 200 gets active, 1 000 times with a fetch in flight (I1, I2, I3)', async () => {
  await as.knob({ delay_ms: 500 });
  try {
    let races = 0;
    for (let batch = 0; races < 1000; batch += 1) {
      assert.ok(batch < 30, `only ${races} revocations met a fetch in flight`);
      const before = await as.introspections();
      const results = await Promise.all((await startFetches(SIDE_BY_SIDE)).map(race));
      const calls = await as.introspections() - before;
      assert.ok(calls <= SIDE_BY_SIDE, `${calls} calls for ${SIDE_BY_SIDE} tokens: one each before its revocation, none after`);
      races += results.filter(Boolean).length;
    }
  } finally { await as.knob({ delay_ms: 0 }); }
});

test('the same with the answer cached before', async () => {
  for (const token of await as.mint(100)) {
    assert.ok(isActive(await introspect(daemon.unix, token)));
    assert.equal((await revoke(daemon.tcp, token)).status, 200);
    assert.ok(isInactive(await introspect(daemon.unix, token)));
    assert.ok(isInactive(await introspect(daemon.tcp, token)));
  }
});

test('a revocation reaches the authorization server', async () => {
  const [token] = await as.mint();
  const before = (await as.stats()).revocations;
  assert.equal((await revoke(daemon.unix, token)).status, 200);
  assert.equal((await as.stats()).revocations - before, 1);
});

test('revoking an unknown token is 200 as well (RFC 7009 2.2)', async () => {
  assert.equal((await revoke(daemon.unix, 'never-heard-of-this-one')).status, 200);
});

test('a revocation that the server cannot take is 503, and the token stays dead here (STD 4.06)', async () => {
  const [token] = await as.mint();
  assert.ok(isActive(await introspect(daemon.unix, token)));
  await as.kill();
  const reply = await revoke(daemon.unix, token);
  assert.equal(reply.status, 503, reply.body);
  assert.ok(reply.headers['retry-after']);
  assert.ok(isInactive(await introspect(daemon.unix, token)));
  await as.start();
  const [fresh] = await as.mint();
  await until(async () => isActive(await introspect(daemon.unix, fresh)), { patience: 30000, what: 'recovery' });
});
