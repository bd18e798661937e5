// A fleet on one Redis Stream: one node receives, all purge. The server is killed, restarted, trimmed and replaced by one
// that knows less; nodes are stopped and come back.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { Daemon, end, introspect, isActive, isInactive, output, pause, request, run, secretFile, temporaryDirectory, until } from './stage.mjs';
import { Transmitter, seconds } from './transmitter.mjs';

const NODES = Number(process.env.NODES ?? 8);

class Redis {
  constructor() {
    this.directory = temporaryDirectory();
    this.socket = path.join(this.directory, 'redis.sock');
  }
  async start({ wipe = false } = {}) {
    const name = wipe ? `dump-${Math.random()}.rdb` : 'dump.rdb';
    this.child = run('redis-server', ['--port', '0', '--unixsocket', this.socket, '--unixsocketperm', '600', '--dir', this.directory,
      '--dbfilename', name, '--appendonly', wipe ? 'no' : 'yes', '--appendfsync', 'always', '--save', '', '--requirepass', 'redis-password'],
    { log: path.join(this.directory, 'redis.log') });
    await until(async () => /PONG/.test((await this.cli('PING')).stdout), { what: 'redis' });
    return this;
  }
  cli(...args) { return output('redis-cli', ['-s', this.socket, '--no-auth-warning', '-a', 'redis-password', ...args]); }
  async kill() { await end(this.child, 'SIGKILL'); }
}

const as = await new Transmitter().start();
const redis = await new Redis().start();
const shared = temporaryDirectory();
const keyFile = secretFile(shared, 'fleet.key', 'a key that all nodes of the fleet have in common');
const passwordFile = secretFile(shared, 'redis.password', 'redis-password');

function makeNode({ key = true } = {}) {
  const node = new Daemon({ introspection: `${as.url}/introspect`, revocation: '' }, {
    listen: { threads: 1 },
    cache: { memory: '8MiB', ttl: '60s', ttl_live: '5m' },
    notify: {},
    upstream: as.conf(),
    fleet: { redis: `unix:${redis.socket}`, stream: 'introspectd:events', password_file: passwordFile, ...(key ? { key_file: keyFile } : {}) },
  });
  node.parts.revocation = { state_dir: path.join(node.directory, 'state'), hold: '1s' };
  return node;
}
const nodes = Array.from({ length: NODES }, () => makeNode());
await Promise.all(nodes.map((node) => node.start()));
const [receiver, ...others] = nodes;
test.after(() => as.stop());

const connected = (node) => until(async () => await node.metric('introspectd_fleet_connected') === 1, { patience: 20000, what: 'fleet connected' });
const gaps = async (node) => Object.fromEntries((await node.metrics()).split('\n')
  .flatMap((line) => { const found = /^introspectd_fleet_gaps_total\{reason="(\w+)"\} (\d+)$/.exec(line); return found ? [[found[1], Number(found[2])]] : []; }));
function forget(node) {
  for (const to of [node.unix, node.tcp, node.admin, node.notify]) { to?.agent?.destroy(); if (to) delete to.agent; }
}

let number = 0;
async function cachedEverywhere(claims = {}, among = nodes) {
  number += 1;
  const sub = `person-${number}`;
  const token = as.issue(`token-${number}`, { sub, sid: `session-${number}`, ...claims });
  await Promise.all(among.map(async (node) => assert.ok(isActive(await introspect(node.unix, token)))));
  return { token, sub };
}
const push = async (node, sub) => {
  const jws = await as.sign(as.sessionRevoked(sub));
  const reply = await request(node.notify, { path: '/events', body: jws, headers: { 'content-type': 'application/secevent+jwt' } });
  assert.equal(reply.status, 202, reply.body);
};
const deadOn = (node, token, patience = 5000) =>
  until(async () => isInactive(await introspect(node.unix, token)), { patience, every: 2, what: 'the purge on another node' });

test('all nodes are connected', async () => { await Promise.all(nodes.map(connected)); });

test('a signed event that one node received is dead on all', async () => {
  const { token, sub } = await cachedEverywhere();
  await push(receiver, sub);
  assert.ok(isInactive(await introspect(receiver.unix, token)), 'at once where it was received');
  await Promise.all(others.map((node) => deadOn(node, token)));
});

test('so is an operator\'s purge, under the fleet\'s key, and a token that was revoked', async () => {
  const one = await cachedEverywhere();
  assert.equal((await receiver.ctl(['purge', '--sub', one.sub])).code, 0);
  await Promise.all(others.map((node) => deadOn(node, one.token)));
  const two = await cachedEverywhere();
  assert.equal((await receiver.ctl(['purge'], `${two.token}\n`)).code, 0);
  await Promise.all(others.map((node) => deadOn(node, two.token)));
  const three = await cachedEverywhere();
  assert.equal((await request(receiver.unix, { path: '/revoke', form: { token: three.token } })).status, 200);
  await Promise.all(others.map((node) => deadOn(node, three.token)));
});

test('entries that anybody wrote into the stream do nothing', async () => {
  const { token, sub } = await cachedEverywhere();
  const entries = (await redis.cli('XREVRANGE', 'introspectd:events', '+', '-', 'COUNT', '1', '--json')).stdout;
  assert.ok(entries.length > 2);
  await redis.cli('XADD', 'introspectd:events', '*', 'v', '1', 'kind', 'purge', 'as', 'main', 'signals', JSON.stringify([{ kind: 'cutoff', sub }]), 'mac', '00');
  await redis.cli('XADD', 'introspectd:events', '*', 'anything', 'at all');
  await pause(500);
  const before = as.introspections;
  for (const node of nodes) assert.ok(isActive(await introspect(node.unix, token)));
  assert.equal(as.introspections, before, 'still cached on every node');
});

test('a killed Redis: purges are applied and kept here, and reach the others when it is back (outbox)', async () => {
  const { token, sub } = await cachedEverywhere();
  await redis.kill();
  await until(async () => await others[0].metric('introspectd_fleet_connected') === 0, { what: 'loss noticed' });
  await push(receiver, sub);
  assert.ok(isInactive(await introspect(receiver.unix, token)));
  await redis.start();
  await Promise.all(nodes.map(connected));
  await Promise.all(others.map((node) => deadOn(node, token, 15000)));
});

test('a stopped node replays what it missed on start', async () => {
  const away = others.at(-1);
  const { sub } = await cachedEverywhere({}, [receiver]);
  await away.stop();
  await push(receiver, sub);
  forget(away);
  await away.start();
  await connected(away);
  const token = as.issue(`late-${number}`, { sub, iat: seconds() - 100 });
  await deadOn(away, token);
  assert.equal((await gaps(away)).trimmed ?? 0, 0);
});

test('trimmed beyond its cursor, a node raises its floors and says so (F94)', async () => {
  const away = others.at(-1);
  await away.stop();
  for (let i = 0; i < 5; i += 1) await push(receiver, `trimmed-${i}`);
  await pause(300);
  await redis.cli('XTRIM', 'introspectd:events', 'MAXLEN', '0');
  forget(away);
  await away.start();
  await connected(away);
  await until(async () => (await gaps(away)).trimmed >= 1, { what: 'the gap' });
  assert.match(away.logText(), /error fleet events missing, floors raised reason=trimmed/);
});

test('a server that knows less (a failover that lost entries): floors, and on it goes (F97, F105)', async () => {
  const { token } = await cachedEverywhere();
  await redis.kill();
  await redis.start({ wipe: true });
  await Promise.all(nodes.map(connected));
  const node = others[0];
  await until(async () => Object.values(await gaps(node)).some((count) => count > 0), { what: 'the gap' });
  const before = as.introspections;
  assert.ok(isActive(await introspect(node.unix, token)));
  assert.equal(as.introspections, before + 1, 'asked anew');
  const after = await cachedEverywhere();
  await push(receiver, after.sub);
  await Promise.all(others.map((one) => deadOn(one, after.token)));
});

test('a node without the key keeps its unsigned purges to itself, and --check says so', async () => {
  const lonely = makeNode({ key: false });
  await lonely.start();
  await connected(lonely);
  const check = await output(process.env.INTROSPECTD, ['--config', lonely.confPath, '--check']);
  assert.equal(check.code, 0);
  assert.match(check.stdout + check.stderr, /key_file/);
  const { token, sub } = await cachedEverywhere({}, [...nodes, lonely]);
  assert.equal((await lonely.ctl(['purge', '--sub', sub])).code, 0);
  assert.ok(isInactive(await introspect(lonely.unix, token)));
  await pause(500);
  assert.ok(isActive(await introspect(receiver.unix, token)));
  const signed = await cachedEverywhere({}, [...nodes, lonely]);
  await push(lonely, signed.sub);
  await deadOn(receiver, signed.token);
  await lonely.stop();
});
