// How the node shows the authorization server who it is (RFC 6749 §2.3.1), and how callers show introspectd who they are.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { AuthorizationServer, Daemon, basic, introspect, isActive, isInactive, request } from './stage.mjs';

const as = await new AuthorizationServer().start();

async function behind(options, work) {
  const daemon = await new Daemon(as, options).start();
  try { await work(daemon); } finally { await daemon.stop(); }
}

test('upstream: client_secret_basic, form-encoded before base64 (STD 2.01)', async () => {
  await behind({ upstream: { client_id: 'svc:node 1', secret: 'p@ss%w/+ &=:', client_auth: 'client_secret_basic' } }, async (daemon) => {
    const [token] = await as.mint();
    assert.ok(isActive(await introspect(daemon.unix, token)));
    const last = await as.last();
    assert.equal(last.authorization, 'Basic');
    assert.equal(last.client, 'svc:node 1');
    assert.equal(last.content_type, 'application/x-www-form-urlencoded');
    assert.equal(last.accept, 'application/json');
  });
});

test('upstream: client_secret_post (STD 2.03)', async () => {
  await behind({ upstream: { client_id: 'node-post', secret: 'post secret+%&=', client_auth: 'client_secret_post' } }, async (daemon) => {
    const [token] = await as.mint();
    assert.ok(isActive(await introspect(daemon.unix, token)));
    const last = await as.last();
    assert.equal(last.authorization, '');
    assert.equal(last.client, 'node-post');
  });
});

test('upstream: one trailing newline of a secret file is no part of the secret (STD 9.07)', async () => {
  await behind({ upstream: { secret: 'node-secret\n' } }, async (daemon) => {
    const [token] = await as.mint();
    assert.ok(isActive(await introspect(daemon.unix, token)));
  });
});

const withId = { id: 'svc:orders 1', audience: [] };

test('callers: Basic percent-encoded, form, bearer; refused alike whatever the token (I28, STD 1.10)', async () => {
  await behind({ caller: withId }, async (daemon) => {
    const [token] = await as.mint();
    const tcp = { port: daemon.tcpPort };
    const ask = (headers, form = { token }) => request(tcp, { headers, form });
    assert.ok(isActive(await ask({ authorization: basic('svc:orders 1', 'orders-secret') })));
    assert.ok(isActive(await ask({}, { token, client_id: 'svc:orders 1', client_secret: 'orders-secret' })));
    assert.ok(isActive(await ask({ authorization: 'Bearer orders-secret' })));
    assert.ok(isActive(await ask({ authorization: basic('svc:orders 1', 'orders-secret') }, { client_id: '', client_secret: '', token })),
      'Basic beside empty client_id and client_secret, as Dovecot sends it');
    const before = await as.introspections();
    const refusals = [];
    for (const form of [{ token }, { token: 'unknown' }]) {
      refusals.push(await ask({ authorization: basic('svc:orders 1', 'wrong') }, form));
      refusals.push(await ask({ authorization: basic('nobody', 'orders-secret') }, form));
    }
    for (const reply of refusals) {
      assert.equal(reply.status, 401);
      assert.match(reply.headers['www-authenticate'], /^Basic realm=/);
      assert.equal(JSON.parse(reply.body).error, 'invalid_client');
      assert.equal(reply.body, refusals[0].body);
    }
    assert.equal((await ask({})).status, 401);
    assert.equal((await ask({ authorization: 'Bearer wrong' })).status, 401);
    assert.equal(await as.introspections(), before, 'a stranger causes no upstream call');
  });
});

test('callers: an audience that is not the token\'s makes it inactive for them, on hits too (I22)', async () => {
  await behind({ caller: { audience: ['urn:somebody-else'] } }, async (daemon) => {
    const [token] = await as.mint();
    for (let i = 0; i < 2; i += 1) assert.ok(isInactive(await introspect(daemon.tcp, token)));
    assert.ok(isActive(await introspect(daemon.unix, token)), 'the Unix socket\'s peer has no such policy');
  });
});

test('callers: caller_auth = "none" on loopback asks for nothing, but refuses browsers (F29)', async () => {
  await behind({ listen: { caller_auth: 'none' } }, async (daemon) => {
    const [token] = await as.mint();
    const tcp = { port: daemon.tcpPort };
    assert.ok(isActive(await introspect(tcp, token)));
    assert.equal((await request(tcp, { form: { token }, headers: { origin: 'http://evil.example' } })).status, 403);
    assert.equal((await request(tcp, { form: { token }, headers: { host: 'evil.example' } })).status, 403);
  });
});
