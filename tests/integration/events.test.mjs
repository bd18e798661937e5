// Security events pushed to the notify listener (RFC 8935), signed by an independent implementation: what is true takes
// effect before the answer, what is forged, expired, malformed or meant for somebody else is refused as the standards
// say, and changes nothing.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { KeyObject, createHmac, createSign, randomUUID } from 'node:crypto';
import { Daemon, introspect, isActive, isInactive, request, secretFile, temporaryDirectory } from './stage.mjs';
import { CAEP, LOGOUT, RISC, SSF, Transmitter, seconds } from './transmitter.mjs';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES384', 'ES512', 'EdDSA', 'ES256'];
const as = await new Transmitter().start();
for (const alg of ALGORITHMS) await as.addKey(alg, alg);
const secrets = temporaryDirectory();
const daemon = await new Daemon({ introspection: `${as.url}/introspect`, revocation: '' }, {
  cache: { ttl: '300s' },
  notify: {},
  upstream: { ...as.conf(), client_auth: 'client_secret_basic',
    global_revocation_bearer_file: secretFile(secrets, 'gtr', 'universal-logout') },
  tables: { '[webhook]': { name: 'idp', secret_file: secretFile(secrets, 'hook', 'hook-secret'), signature_header: 'X-Signature',
    kind: 'cutoff', sub: '/data/user/id', only: '/type', only_values: ['user.blocked'] } },
}).start();
test.after(() => as.stop());

let number = 0;
// A cached token of somebody.
async function cached(claims = {}) {
  number += 1;
  const sub = claims.sub ?? `person-${number}`;
  const token = as.issue(`token-${number}`, { sub, sid: `session-${number}`, jti: `jti-${number}`, ...claims });
  assert.ok(isActive(await introspect(daemon.unix, token)));
  return { token, sub, sid: `session-${number}`, jti: `jti-${number}` };
}
const push = (body, { path = '/events', type = 'application/secevent+jwt' } = {}) =>
  request(daemon.notify, { path, body, headers: { 'content-type': type } });
const logout = (token) => request(daemon.notify, { path: '/backchannel-logout', form: { logout_token: token } });

async function isStillCached(token) {
  const before = as.introspections;
  const reply = await introspect(daemon.unix, token);
  return isActive(reply) && as.introspections === before;
}
async function wasAskedAnew(token) {
  const before = as.introspections;
  await introspect(daemon.unix, token);
  return as.introspections === before + 1;
}

for (const alg of ALGORITHMS) {
  test(`session-revoked signed with ${alg}: 202, and the person's tokens are dead`, async () => {
    const { token, sub } = await cached();
    const other = await cached();
    const reply = await push(await as.sign(as.sessionRevoked(sub), { key: as.keys.find(({ kid }) => kid === alg) }));
    assert.equal(reply.status, 202, reply.body);
    assert.equal(reply.body, '');
    assert.ok(isInactive(await introspect(daemon.unix, token)), 'iat before the event');
    assert.ok(await isStillCached(other.token), 'somebody else');
    assert.equal(as.keyFetches, 1);
  });
}

test('a repeated SET is answered 202 again (STD 5.04)', async () => {
  const { sub, token } = await cached();
  const jws = await as.sign(as.sessionRevoked(sub));
  for (let i = 0; i < 3; i += 1) assert.equal((await push(jws)).status, 202);
  assert.ok(isInactive(await introspect(daemon.unix, token)));
});

test('a token issued after the event lives: a new login of the same person', async () => {
  const { sub } = await cached();
  assert.equal((await push(await as.sign(as.sessionRevoked(sub)))).status, 202);
  const fresh = as.issue(`fresh-${number}`, { sub, iat: seconds() + 1 });
  assert.ok(isActive(await introspect(daemon.unix, fresh)));
});

test('token-claims-change is asked anew, never patched; credential-change create does nothing', async () => {
  const { token, sub } = await cached();
  assert.equal((await push(await as.sign(as.event({ [`${CAEP}credential-change`]: { change_type: 'create', credential_type: 'pin' } },
    as.subject(sub))))).status, 202);
  assert.ok(await isStillCached(token));
  assert.equal((await push(await as.sign(as.event({ [`${CAEP}token-claims-change`]: { claims: { role: 'x' } } }, as.subject(sub))))).status, 202);
  assert.ok(await wasAskedAnew(token));
  assert.ok(await wasAskedAnew(token), 'nothing is stored within the hold');
});

for (const event of ['account-disabled', 'account-purged', 'sessions-revoked', 'account-credential-change-required', 'credential-compromise']) {
  test(`RISC ${event} kills`, async () => {
    const { token, sub } = await cached();
    assert.equal((await push(await as.sign(as.event({ [RISC + event]: {} }, as.subject(sub))))).status, 202);
    assert.ok(isInactive(await introspect(daemon.unix, token)));
  });
}

test('complex subjects: the session is what dies, not the person (STD 5.13)', async () => {
  const sub = 'complex';
  const one = await cached({ sub });
  const two = await cached({ sub });
  const subject = { sub_id: { format: 'complex', user: { format: 'iss_sub', iss: as.url, sub }, session: { format: 'opaque', id: one.sid } } };
  assert.equal((await push(await as.sign(as.event({ [`${CAEP}session-revoked`]: {} }, subject)))).status, 202);
  assert.ok(isInactive(await introspect(daemon.unix, one.token)));
  assert.ok(await isStillCached(two.token));
});

test('a person of another issuer is not ours', async () => {
  const { token, sub } = await cached();
  const subject = { sub_id: { format: 'iss_sub', iss: 'https://other.example', sub } };
  assert.equal((await push(await as.sign(as.event({ [`${CAEP}session-revoked`]: {} }, subject)))).status, 202);
  assert.ok(await isStillCached(token));
});

test('a logout token for a session, and for a person', async () => {
  const one = await cached();
  const good = { header: { typ: 'logout+jwt' } };
  let reply = await logout(await as.sign(as.logoutToken({ sid: one.sid }), good));
  assert.equal(reply.status, 200, reply.body);
  assert.equal(reply.headers['cache-control'], 'no-store');
  assert.ok(isInactive(await introspect(daemon.unix, one.token)));
  const two = await cached();
  reply = await logout(await as.sign(as.logoutToken({ sub: two.sub }), { header: { typ: undefined } }));
  assert.equal(reply.status, 200, reply.body);
  assert.ok(isInactive(await introspect(daemon.unix, two.token)));
  assert.equal((await logout(await as.sign(as.logoutToken({ sid: 'nobody' }), good))).status, 200, 'an unknown session');
});

test('Global Token Revocation: a subject, for whoever has the bearer (STD 5.33)', async () => {
  const { token, sub } = await cached();
  const body = JSON.stringify({ sub_id: { format: 'iss_sub', iss: as.url, sub } });
  const send = (authorization) => request(daemon.notify, { path: '/global-token-revocation', body,
    headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) } });
  assert.equal((await send()).status, 401);
  assert.equal((await send('Bearer wrong')).status, 401);
  assert.ok(await isStillCached(token));
  const reply = await send('Bearer universal-logout');
  assert.equal(reply.status, 204, reply.body);
  assert.ok(isInactive(await introspect(daemon.unix, token)));
});

test('a signed webhook, its members named in the conf', async () => {
  const { token, sub } = await cached();
  const send = (body, signature) => request(daemon.notify, { path: '/webhook/idp', body,
    headers: { 'content-type': 'application/json', ...(signature ? { 'x-signature': signature } : {}) } });
  const body = JSON.stringify({ type: 'user.blocked', data: { user: { id: sub } } });
  const signature = (text) => `sha256=${createHmac('sha256', 'hook-secret').update(text).digest('hex')}`;
  const none = await send(body);
  const wrong = await send(body, signature(`${body} `));
  assert.equal(none.status, 401);
  assert.equal(wrong.status, 401);
  assert.equal(wrong.body, none.body, 'the same bytes whatever the signature');
  assert.ok(await isStillCached(token));
  const ignored = JSON.stringify({ type: 'user.seen', data: { user: { id: sub } } });
  assert.equal((await send(ignored, signature(ignored))).status, 200);
  assert.ok(await isStillCached(token));
  assert.equal((await send(body, signature(body))).status, 200);
  assert.ok(isInactive(await introspect(daemon.unix, token)));
  assert.equal((await request(daemon.notify, { path: '/webhook/nobody', body })).status, 404);
});

test('Keycloak admin actions (STD 5.30-5.32)', async () => {
  const action = (name, claims = {}) => ({ id: randomUUID(), expiration: seconds() + 60, resource: 'node', action: name, ...claims });
  const keycloak = (path, jws) => request(daemon.notify, { path: `/keycloak/${path}`, body: jws, headers: { 'content-type': 'text/plain' } });
  const sign = (claims) => as.sign(claims, { header: { typ: 'JWT' } });
  const ok = (reply) => assert.ok([200, 204].includes(reply.status), `${reply.status} ${reply.body}`);
  const one = await cached();
  ok(await keycloak('k_test_available', await sign(action('TEST_AVAILABILITY'))));
  ok(await keycloak('k_logout', await sign(action('LOGOUT', { keycloakSessionIds: [one.sid] }))));
  assert.ok(isInactive(await introspect(daemon.unix, one.token)));
  const old = await cached({ iat: seconds() - 1000 });
  const young = await cached();
  ok(await keycloak('k_push_not_before', await sign(action('PUSH_NOT_BEFORE', { notBefore: seconds() - 500 }))));
  assert.ok(isInactive(await introspect(daemon.unix, old.token)));
  assert.ok(isActive(await introspect(daemon.unix, young.token)));
  const wrongPath = await keycloak('k_logout', await sign(action('PUSH_NOT_BEFORE', { notBefore: seconds() })));
  assert.equal(wrongPath.status, 400);
  const expired = await keycloak('k_logout', await sign(action('LOGOUT', { expiration: seconds() - 100, keycloakSessionIds: [young.sid] })));
  assert.equal(expired.status, 400);
  assert.ok(isActive(await introspect(daemon.unix, young.token)));
});

// ---- what is refused ------------------------------------------------------------------------------------------------

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
async function refusals(victim) {
  const { sub, sid } = victim;
  const set = (claims) => as.sessionRevoked(sub, claims);
  const good = await as.sign(set());
  const [head, claims, signature] = good.split('.');
  const bits = Buffer.from(signature, 'base64url');
  const flipped = (at) => { const copy = Buffer.from(bits); copy[at] ^= 1; return copy.toString('base64url'); };
  const key = as.keys.at(-1);
  const stranger = await new Transmitter().addKey('ES256', key.kid);
  const hmac = (input) => createHmac('sha256', JSON.stringify(key.jwk)).update(input).digest('base64url');
  const signed = (header, text) => {   // what no library would write
    const input = `${b64(header)}.${b64(text)}`;
    const by = createSign('SHA256').update(input).sign({ key: KeyObject.from(key.privateKey), dsaEncoding: 'ieee-p1363' });
    return `${input}.${by.toString('base64url')}`;
  };
  const raw = (text) => signed({ alg: 'ES256', kid: key.kid, typ: 'secevent+jwt' }, text);
  const S = (claimsOf, options) => as.sign(claimsOf, { key, ...options });
  const L = (bent, header = { typ: 'logout+jwt' }) => as.sign(as.logoutToken({ sub, sid, ...bent }), { key, header });
  return [
    // name, what is sent, where, the error code of RFC 8935 (null: any)
    ['an empty body', '', 'set', 'invalid_request'],
    ['not a JWS', 'hello', 'set', 'invalid_request'],
    ['two parts', `${head}.${claims}`, 'set', 'invalid_request'],
    ['four parts', `${good}.x`, 'set', 'invalid_request'],
    ['padding', `${head}=.${claims}.${signature}`, 'set', 'invalid_request'],
    ['white space', `${head}. ${claims}.${signature}`, 'set', 'invalid_request'],
    ['the standard alphabet of base64', `${head}.${claims}.+${signature.slice(1)}`, 'set', 'invalid_request'],
    ['no signature', `${head}.${claims}.`, 'keys', null],
    ['a signature with its first bit turned', `${head}.${claims}.${flipped(0)}`, 'keys', null],
    ['a signature with its last bit turned', `${head}.${claims}.${flipped(bits.length - 1)}`, 'keys', null],
    ['a truncated signature', `${head}.${claims}.${bits.subarray(0, -1).toString('base64url')}`, 'keys', null],
    ['a DER signature', `${head}.${claims}.${createSign('SHA256').update(`${head}.${claims}`).sign(KeyObject.from(key.privateKey)).toString('base64url')}`, 'keys', null],
    ['another payload under this signature', `${head}.${b64(set({ jti: 'x' }))}.${signature}`, 'keys', null],
    ['another header over this signature', `${b64({ alg: 'ES256', kid: key.kid, typ: 'secevent+jwt', x: 1 })}.${claims}.${signature}`, 'keys', null],
    ['alg none', `${b64({ alg: 'none', typ: 'secevent+jwt' })}.${claims}.`, 'set', null],
    ['alg None', `${b64({ alg: 'None', kid: key.kid, typ: 'secevent+jwt' })}.${claims}.${signature}`, 'set', null],
    ['HS256 keyed with the public key', (() => { const input = `${b64({ alg: 'HS256', kid: key.kid, typ: 'secevent+jwt' })}.${claims}`; return `${input}.${hmac(input)}`; })(), 'set', null],
    ['the right kid, a stranger\'s key', await as.sign(set(), { key: stranger }), 'keys', null],
    ['a stranger\'s key that comes along', await as.sign(set(), { key: stranger, header: { kid: 'nobody', jwk: stranger.jwk } }), 'keys', null],
    ['jku to a stranger', await as.sign(set(), { key: stranger, header: { kid: 'nobody', jku: 'http://127.0.0.1:9/jwks' } }), 'keys', null],
    ['the right kid, a stranger\'s key, an hour ago', await as.sign(set({ iat: seconds() - 4000 }), { key: stranger }), 'set', 'authentication_failed'],
    ['a kid that is nobody\'s, an hour ago', await as.sign(set({ iat: seconds() - 4000 }), { key: stranger, header: { kid: 'nobody' } }), 'set', 'invalid_key'],
    ['an unknown crit', await signed({ alg: 'ES256', kid: key.kid, typ: 'secevent+jwt', crit: ['x'], x: 1 }, JSON.stringify(set())), 'set', null],
    ['typ JWT', await S(set(), { header: { typ: 'JWT' } }), 'set', 'invalid_request'],
    ['no typ', await S(set(), { header: { typ: undefined } }), 'set', 'invalid_request'],
    ['typ at+jwt', await S(set(), { header: { typ: 'at+jwt' } }), 'set', 'invalid_request'],
    ['typ logout+jwt at /events', await S(as.logoutToken({ sub }), { header: { typ: 'logout+jwt' } }), 'set', 'invalid_request'],
    ['typ dpop+jwt', await S(set(), { header: { typ: 'dpop+jwt' } }), 'set', 'invalid_request'],
    ['typ txntoken+jwt', await S(set(), { header: { typ: 'txntoken+jwt' } }), 'set', 'invalid_request'],
    ['another issuer', await S(set({ iss: 'https://other.example' })), 'set', 'invalid_issuer'],
    ['the issuer with a slash behind', await S(set({ iss: `${as.url}/` })), 'set', 'invalid_issuer'],
    ['no issuer', await S(set({ iss: undefined })), 'set', null],
    ['a number for an issuer', await S(set({ iss: 1 })), 'set', null],
    ['another audience', await S(set({ aud: 'somebody' })), 'set', 'invalid_audience'],
    ['an array of other audiences', await S(set({ aud: ['a', 'b'] })), 'set', 'invalid_audience'],
    ['no audience', await S(set({ aud: undefined })), 'set', 'invalid_audience'],
    ['an audience that only begins like ours', await S(set({ aud: 'nodes' })), 'set', 'invalid_audience'],
    ['no iat', await S(set({ iat: undefined })), 'set', 'invalid_request'],
    ['iat as a string', await S(set({ iat: '1' })), 'set', 'invalid_request'],
    ['iat in the future', await S(set({ iat: seconds() + 3600 })), 'set', 'invalid_request'],
    ['a negative iat', await S(set({ iat: -5 })), 'set', 'invalid_request'],
    ['no jti', await S(set({ jti: undefined })), 'set', 'invalid_request'],
    ['jti a number', await S(set({ jti: 5 })), 'set', 'invalid_request'],
    ['no events', await S(set({ events: undefined })), 'set', 'invalid_request'],
    ['events empty', await S(set({ events: {} })), 'set', 'invalid_request'],
    ['events an array', await S(set({ events: [`${CAEP}session-revoked`] })), 'set', 'invalid_request'],
    ['an event that is no object', await S(set({ events: { [`${CAEP}session-revoked`]: true } })), 'set', 'invalid_request'],
    ['exp in a SET', await S(set({ exp: seconds() + 60 })), 'set', 'invalid_request'],
    ['sub in a SET', await S(set({ sub })), 'set', 'invalid_request'],
    ['sub_id that is no object', await S(set({ sub_id: 'x' })), 'set', 'invalid_request'],
    ['sub_id without format', await S(set({ sub_id: { sub } })), 'set', 'invalid_request'],
    ['the member sub twice', await raw(JSON.stringify(set()).replace('"iat"', '"jti":"y","iat"')), 'set', 'invalid_request'],
    ['a member twice, once escaped', await raw(JSON.stringify(set()).replace('"iss"', '"\\u0069ss":"https://other.example","iss"')), 'set', 'invalid_request'],
    ['claims that are an array', await raw('[1]'), 'set', 'invalid_request'],
    ['claims with something behind', await raw(`${JSON.stringify(set())} x`), 'set', 'invalid_request'],
    ['claims that are not UTF-8', await raw('{"iss":"\\ud800"}'), 'set', 'invalid_request'],
    ['critical members that we do not know', await S(set({ sub_id: { format: 'complex', critical: 'x', user: { format: 'iss_sub', iss: as.url, sub }, planet: { format: 'opaque', id: 'x' } }, critical_subject_members: ['planet'] })), 'set', null],
    ['a media type that is none', good, 'type', null],
    // logout tokens (OIDC Back-Channel Logout 1.0, 2.6)
    ['a logout token with a nonce', await L({ nonce: 'n' }), 'logout'],
    ['a logout token without events', await L({ events: undefined }), 'logout'],
    ['a logout token with another event', await L({ events: { [`${CAEP}session-revoked`]: {} } }), 'logout'],
    ['a logout token with https in the event', await L({ events: { 'https://schemas.openid.net/event/backchannel-logout': {} } }), 'logout'],
    ['a logout token whose event is no object', await L({ events: { [LOGOUT]: 1 } }), 'logout'],
    ['a logout token with neither sub nor sid', await L({ sub: undefined, sid: undefined }), 'logout'],
    ['a logout token that has expired', await L({ iat: seconds() - 1000, exp: seconds() - 500 }), 'logout'],
    ['a logout token without exp', await L({ exp: undefined }), 'logout'],
    ['a logout token without iat', await L({ iat: undefined }), 'logout'],
    ['a logout token without jti', await L({ jti: undefined }), 'logout'],
    ['a logout token of another issuer', await L({ iss: 'https://other.example' }), 'logout'],
    ['a logout token for somebody else', await L({ aud: 'other' }), 'logout'],
    ['a logout token of typ secevent+jwt', await L({}, { typ: 'secevent+jwt' }), 'logout'],
    ['a logout token of typ at+jwt', await L({}, { typ: 'at+jwt' }), 'logout'],
    ['sub a number', await L({ sub: 5 }), 'logout'],
    ['sid an array', await L({ sid: ['a'] }), 'logout'],
    ['an ID token', await as.sign({ iss: as.url, aud: 'node', sub, sid, iat: seconds(), exp: seconds() + 60, nonce: 'n' }, { key, header: { typ: 'JWT' } }), 'logout'],
    ['an access token', await as.sign({ iss: as.url, aud: 'node', sub, client_id: 'app', iat: seconds(), exp: seconds() + 60, jti: 'a' }, { key, header: { typ: 'at+jwt' } }), 'logout'],
    ['a SET sent as a logout token', good, 'logout'],
  ];
}

test('what is forged, expired, malformed or not for us is refused, and changes nothing', async (t) => {
  const victim = await cached();
  const cases = await refusals(victim);
  assert.ok(cases.length >= 60, `${cases.length} cases`);
  for (const [name, body, where, error] of cases) {
    await t.test(name, async () => {
      let reply;
      if (where === 'logout') reply = await logout(body);
      else if (where === 'type') reply = await push(body, { type: 'application/jwt' });
      else reply = await push(body);
      if (where === 'type') assert.ok([400, 415].includes(reply.status), `${reply.status} ${reply.body}`);
      // The key of what was issued just now may come to us late: not for good (STD 3.16).
      else if (where === 'keys') {
        const wait = Number(reply.headers['retry-after']);
        assert.ok(reply.status === 400 || (reply.status === 503 && wait >= 1 && wait <= 30), `${reply.status} ${reply.body}`);
      }
      else assert.equal(reply.status, 400, reply.body);
      if (where === 'set') {
        assert.match(reply.headers['content-type'], /^application\/json/);
        assert.ok(reply.headers['content-language'], 'STD 5.05');
        const said = JSON.parse(reply.body);
        assert.equal(typeof said.description, 'string');
        assert.ok(['invalid_request', 'invalid_key', 'invalid_issuer', 'invalid_audience', 'authentication_failed', 'access_denied'].includes(said.err), said.err);
        if (error) assert.equal(said.err, error);
      }
      assert.ok(await isStillCached(victim.token), 'nothing has changed');
    });
  }
});

test('verification and stream events are accepted, unknown events too (STD 5.18, 5.25)', async () => {
  for (const events of [{ [`${SSF}verification`]: { state: 'not ours' } }, { [`${SSF}stream-updated`]: { status: 'paused' } }, { 'https://example.com/event': {} }]) {
    const reply = await push(await as.sign(as.event(events, { sub_id: { format: 'opaque', id: 'stream' } })));
    assert.equal(reply.status, 202, reply.body);
  }
});
