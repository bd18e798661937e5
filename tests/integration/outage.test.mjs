// The authorization server is gone: what is fresh is still answered, what is not is 503 and never active:false.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { AuthorizationServer, Daemon, introspect, isActive, until } from './stage.mjs';

const as = await new AuthorizationServer().start();
const daemon = await new Daemon(as).start();

function assertUnavailable(reply, status, error) {
  assert.equal(reply.status, status, reply.body);
  assert.equal(JSON.parse(reply.body).error, error);
  assert.equal(reply.headers['cache-control'], 'no-store');
  assert.ok(!reply.body.includes('active'));
}

async function recovered(to = daemon.unix) {
  const [token] = await as.mint();
  await until(async () => isActive(await introspect(to, token)), { patience: 30000, what: 'misses answered again (I36)' });
}

test('killed: fresh hits go on, misses get 503, then it recovers (F84, I18)', async () => {
  const fresh = await as.mint(100);
  const unknown = await as.mint(100);
  for (const token of fresh) assert.ok(isActive(await introspect(daemon.unix, token)));
  await as.kill();
  for (const token of fresh) assert.ok(isActive(await introspect(daemon.tcp, token)));
  const replies = await Promise.all(unknown.map((token) => introspect(daemon.unix, token)));
  for (const reply of replies) {
    assertUnavailable(reply, 503, 'temporarily_unavailable');
    assert.match(reply.headers['retry-after'] ?? '', /^\d+$/);
  }
  for (const token of fresh) assert.ok(isActive(await introspect(daemon.unix, token)));
  await as.start();
  await recovered();
});

test('answering 500: 503, and nothing is remembered of it (F68)', async () => {
  const [token] = await as.mint();
  await as.knob({ fail: 500 });
  assertUnavailable(await introspect(daemon.unix, token), 503, 'temporarily_unavailable');
  await as.knob({ fail: 0 });
  await until(async () => isActive(await introspect(daemon.unix, token)), { patience: 30000, what: 'recovery' });
});

test('refusing our credentials: 503 and never the caller\'s 401 (F63, STD 1.19)', async () => {
  const [token] = await as.mint();
  const wrong = await new Daemon(as, { upstream: { secret: 'not-the-secret' } }).start();
  const reply = await introspect(wrong.unix, token);
  assertUnavailable(reply, 503, 'temporarily_unavailable');
  assert.equal(reply.headers['www-authenticate'], undefined);
  await wrong.stop();
});

test('accepting and never answering: 504 (F77)', async () => {
  const [token] = await as.mint();
  const short = await new Daemon(as, { upstream: { connect_timeout: '200ms', timeout: '300ms' } }).start();
  as.pauseProcess();
  try {
    assertUnavailable(await introspect(short.unix, token), 504, 'upstream_timeout');
  } finally { as.resumeProcess(); }
  await recovered(short.unix);
  await short.stop();
});

test('closing idle connections: nobody notices (F78)', async () => {
  const hasty = await new AuthorizationServer({ keepAliveMs: 50 }).start();
  const behind = await new Daemon(hasty).start();
  for (const token of await hasty.mint(20)) {
    const reply = await introspect(behind.unix, token);
    assert.ok(isActive(reply), `${reply.status} ${reply.body}`);
    await new Promise((resolve) => { setTimeout(resolve, 40 + Math.random() * 40); });
  }
  await behind.stop();
});
