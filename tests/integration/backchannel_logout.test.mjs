// Real logouts at a real authorization server, under load: it tells us of a logout while it still says active itself
// (the grant goes after the notice), and nobody may get a true from the moment we have answered 200.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { AuthorizationServer, Daemon, introspect, isActive, isInactive, pause, request } from './stage.mjs';
import { Browser } from './browser.mjs';

const LOGOUTS = 200;
const OFFLINE = 20;

// Stands between the two, so that we know when the notice was answered: { sid → moment }.
const noticed = new Map();
let stillActiveAtTheServer = 0;
let lastLogoutToken;
const sidOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sid;
const between = createServer(async (incoming, outgoing) => {
  const parts = [];
  for await (const part of incoming) parts.push(part);
  const form = Buffer.concat(parts).toString();
  const reply = await request(daemon.notify, { path: '/backchannel-logout', body: form,
    headers: { 'content-type': incoming.headers['content-type'] } });
  lastLogoutToken = new URLSearchParams(form).get('logout_token');
  const sid = sidOf(lastLogoutToken);
  const session = sessions.get(sid);
  if (reply.status === 200) {
    session.dead = performance.now();
    // The server itself, at this very moment: this is the race.
    if (isActive(await atTheServer(session.token))) stillActiveAtTheServer += 1;
  }
  noticed.set(sid, reply);
  outgoing.writeHead(reply.status, reply.headers).end(reply.body);
}).listen(0, '127.0.0.1');
await once(between, 'listening');

const as = await new AuthorizationServer({ backchannel: `http://127.0.0.1:${between.address().port}/notice` }).start();
const daemon = await new Daemon(as, {
  cache: { ttl: '300s', ttl_live: '300s' },
  notify: {},
  upstream: { issuer: as.url, jwks_uri: `${as.url}/jwks`, event_audience: ['web'], max_in_flight: 1024 },
  caller: { max_in_flight: 1024 },
}).start();
daemon.unix.connections = 64;

const atTheServer = (token) => request(as.control, { path: '/token/introspection', form: { token },
  headers: { authorization: `Basic ${Buffer.from('node:node-secret').toString('base64')}` } });

const sessions = new Map();
async function logIn(number, offline) {
  const browser = new Browser(as);
  const tokens = await browser.login(`person-${number}`, { offline });
  const sid = JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url')).sid
    ?? JSON.parse((await introspect(daemon.unix, tokens.access_token)).body).sid;
  const session = { browser, token: tokens.access_token, refresh: tokens.refresh_token, sid, offline, dead: Infinity };
  sessions.set(sid, session);
  assert.ok(isActive(await introspect(daemon.unix, session.token)));
  return session;
}

async function inParallel(items, width, work) {
  const queue = items.values();
  return Promise.all(Array.from({ length: width }, async () => { for (const item of queue) await work(item); }));
}

test(`${LOGOUTS} logouts under load: no active after the notice was answered; offline_access lives on (I1, I2, I3)`, async (t) => {
  const plain = [];
  await inParallel(Array.from({ length: LOGOUTS }, (_, i) => i), 8, async (i) => { plain.push(await logIn(i, false)); });
  const offline = [];
  await inParallel(Array.from({ length: OFFLINE }, (_, i) => i), 8, async (i) => { offline.push(await logIn(`offline-${i}`, true)); });

  let running = true;
  let asked = 0;
  const wrong = [];
  const began = performance.now();
  // Callers go on asking about everything, the dead and the living.
  const callers = Array.from({ length: 16 }, async (_, worker) => {
    for (let i = worker; running; i += 1) {
      const session = i % 12 === 0 ? offline[(i / 12) % OFFLINE | 0] : plain[(i * 7) % LOGOUTS];
      const sent = performance.now();
      const reply = await introspect(daemon.unix, session.token);
      asked += 1;
      if (reply.status !== 200) wrong.push(`${reply.status} ${reply.body}`);
      else if (!session.offline && sent > session.dead && !isInactive(reply)) wrong.push(`active ${sent - session.dead} ms after the notice`);
      else if (session.offline && !isActive(reply)) wrong.push(`an offline session's token: ${reply.body}`);
    }
  });
  await inParallel([...plain, ...offline], 4, async (session) => { await session.browser.logout(); });
  await pause(500);
  running = false;
  await Promise.all(callers);
  const seconds = (performance.now() - began) / 1000;

  t.diagnostic(`${asked} requests in ${seconds.toFixed(1)} s (${Math.round(asked / seconds)}/s), the server still said active ${stillActiveAtTheServer} times`);
  assert.deepEqual(wrong.slice(0, 5), []);
  assert.equal(noticed.size, LOGOUTS + OFFLINE);
  for (const reply of noticed.values()) {
    assert.equal(reply.status, 200, reply.body);
    assert.equal(reply.headers['cache-control'], 'no-store');
  }
  assert.ok(stillActiveAtTheServer > LOGOUTS / 2, `the race was met ${stillActiveAtTheServer} times only`);
  for (const { token } of plain) assert.ok(isInactive(await introspect(daemon.unix, token)));
  for (const { token } of offline) assert.ok(isActive(await introspect(daemon.unix, token)));
});

test('a new login of the same person lives, the old session stays dead', async () => {
  const first = await logIn('twice', false);
  await first.browser.logout();
  await pause(1100);   // iat counts seconds: the new token is younger than the logout
  const second = await logIn('twice', false);
  assert.ok(isInactive(await introspect(daemon.unix, first.token)));
  assert.ok(isActive(await introspect(daemon.unix, second.token)));
});

test('revoking a refresh token reaches its access token (STD 4.05)', async () => {
  const session = await logIn('refresher', true);
  assert.ok(isActive(await introspect(daemon.unix, session.token)));
  const reply = await request(daemon.unix, { path: '/revoke', form: { token: session.refresh, token_type_hint: 'refresh_token' } });
  assert.equal(reply.status, 200, reply.body);
  assert.ok(isInactive(await introspect(daemon.unix, session.refresh)));
  assert.equal((await introspect(daemon.unix, session.token)).body, (await atTheServer(session.token)).body, 'the server was asked anew');
});

test('a forged logout token changes nothing', async () => {
  const session = await logIn('forged', false);
  const [head, claims, signature] = lastLogoutToken.split('.');
  const other = JSON.parse(Buffer.from(claims, 'base64url'));
  other.sid = session.sid;
  const forged = `${head}.${Buffer.from(JSON.stringify(other)).toString('base64url')}.${signature}`;
  const before = await as.introspections();
  const reply = await request(daemon.notify, { path: '/backchannel-logout', form: { logout_token: forged } });
  assert.equal(reply.status, 503, 'the server may have signed it by a key that comes late');
  assert.ok(Number(reply.headers['retry-after']) >= 1);
  assert.equal(reply.headers['cache-control'], 'no-store');
  assert.ok(isActive(await introspect(daemon.unix, session.token)));
  assert.equal(await as.introspections(), before, 'still from the cache');
});

test.after(() => between.close());
