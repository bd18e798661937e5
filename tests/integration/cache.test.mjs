// The cache in front of a real authorization server: what it costs upstream, and that nothing is lost on the way.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { once } from 'node:events';
import { AuthorizationServer, Daemon, introspect, isActive, isInactive, request, pause } from './stage.mjs';

const as = await new AuthorizationServer().start();
const daemon = await new Daemon(as).start();

// Runs `work` over the items, so many at a time.
async function inParallel(items, width, work) {
  const queue = items.values();
  await Promise.all(Array.from({ length: width }, async () => { for (const item of queue) await work(item); }));
}

test('10 000 tokens introspected twice cost exactly 10 000 upstream calls', async () => {
  const tokens = await as.mint(10000);
  const before = await as.introspections();
  const digests = new Map();
  await inParallel(tokens, 64, async (token) => {
    const reply = await introspect(daemon.unix, token);
    assert.ok(isActive(reply), `${reply.status} ${reply.body}`);
    digests.set(token, createHash('sha256').update(reply.body).digest('hex'));
  });
  assert.equal(await as.introspections() - before, 10000);
  await inParallel(tokens, 64, async (token) => {
    const reply = await introspect(daemon.tcp, token);
    assert.ok(isActive(reply), `${reply.status} ${reply.body}`);
    assert.equal(createHash('sha256').update(reply.body).digest('hex'), digests.get(token), 'a hit has the same bytes (I22)');
  });
  assert.equal(await as.introspections() - before, 10000);
});

test('an answer is passed on byte for byte (I21, I22)', async () => {
  const [token] = await as.mint();
  const direct = await request(as.control, { path: '/token/introspection', form: { token },
    headers: { authorization: `Basic ${Buffer.from('node:node-secret').toString('base64')}` } });
  for (const to of [daemon.unix, daemon.tcp, daemon.unix]) {
    const reply = await introspect(to, token);
    assert.equal(reply.body, direct.body);
    assert.match(reply.headers['content-type'], /^application\/json/);
    assert.equal(reply.headers['cache-control'], 'no-store');
  }
});

test('1 000 callers at once with one cold token cost exactly 1 upstream call (F44)', async () => {
  const [token] = await as.mint();
  await as.knob({ delay_ms: 300 });
  const before = await as.introspections();
  const form = `token=${token}`;
  const head = `POST /introspect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n`;
  const callers = await Promise.all(Array.from({ length: 1000 }, async (_, i) => {
    const socket = i % 2 ? connect(daemon.tcpPort, '127.0.0.1') : connect(daemon.socketPath);
    await once(socket, 'connect');
    return { socket, bytes: `${head}${i % 2 ? `Authorization: ${daemon.authorization}\r\n` : ''}Connection: close\r\n\r\n${form}` };
  }));
  const replies = callers.map(async ({ socket }) => {
    let text = '';
    for await (const part of socket.setEncoding('utf8')) text += part;
    return text;
  });
  for (const { socket, bytes } of callers) socket.write(bytes);
  const texts = await Promise.all(replies);
  await as.knob({ delay_ms: 0 });
  assert.equal(texts.filter((text) => text.startsWith('HTTP/1.1 200 ') && text.includes('"active":true')).length, 1000, texts.find((t) => !t.includes('"active":true')));
  assert.equal(await as.introspections() - before, 1);
});

test('an unknown token is inactive, and remembered for a moment only', async () => {
  const before = await as.introspections();
  for (let i = 0; i < 3; i += 1) assert.ok(isInactive(await introspect(daemon.unix, 'no-such-token-at-all')));
  assert.equal(await as.introspections() - before, 1);
});

test('a token is inactive once its exp has passed, without asking (I7)', async () => {
  const [token] = await as.mint(1, 3);
  assert.ok(isActive(await introspect(daemon.unix, token)));
  await pause(3100);
  await as.knob({ fail: 500 });
  const reply = await introspect(daemon.unix, token);
  await as.knob({ fail: 0 });
  assert.ok(!isActive(reply), `${reply.status} ${reply.body}`);
});
