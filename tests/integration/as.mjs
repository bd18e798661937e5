// The real authorization server of the integration tests and of `./dev run --as oidc-provider`: npm's oidc-provider, a
// certified implementation, with opaque tokens, introspection (RFC 7662) and revocation (RFC 7009).
//   PORT=4000 [TLS_KEY=file TLS_CERT=file] node as.mjs      prints "ready URL" once it listens; PORT=0 lets the kernel choose
// Beside the server's own routes:
//   GET /_mint?n=&ttl=&scope=                    n client_credentials tokens, one a line
//   GET /_knob?delay_ms=&fail=&revoke_delay_ms=  slows introspection or revocation, or fails introspection with a status
//   GET /_stats                                  {"introspections":N,"revocations":N,"in_flight":N}
//   GET /_last                                   the last introspection's Authorization scheme and body
// With BACKCHANNEL=URL the client `web` logs people in by the authorization code flow, and is told of their logouts there
// (OIDC Back-Channel Logout 1.0); browser.mjs is the browser.
import http from 'node:http';
import https from 'node:https';
import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

// The provider's own store forgets all but the last 1 000 tokens; the tests need more.
const stored = new Map();
const sessionOfUid = new Map();
const ofGrant = new Map();
class Store {
  constructor(kind) { this.kind = kind; }
  key(id) { return `${this.kind}:${id}`; }
  async upsert(id, payload, lifetime) {
    stored.set(this.key(id), { payload, until: lifetime ? Date.now() + lifetime * 1000 : Infinity });
    if (this.kind === 'Session') sessionOfUid.set(payload.uid, id);
    if (payload.grantId) {
      if (!ofGrant.has(payload.grantId)) ofGrant.set(payload.grantId, new Set());
      ofGrant.get(payload.grantId).add(this.key(id));
    }
  }
  async find(id) {
    const found = stored.get(this.key(id));
    return found && found.until > Date.now() ? found.payload : undefined;
  }
  async destroy(id) { stored.delete(this.key(id)); }
  async consume(id) {
    const found = await this.find(id);
    if (found) found.consumed = Math.floor(Date.now() / 1000);
  }
  async findByUid(uid) { return this.find(sessionOfUid.get(uid)); }
  async findByUserCode() {}
  async revokeByGrantId(grant) {
    for (const key of ofGrant.get(grant) ?? []) stored.delete(key);
    ofGrant.delete(grant);
  }
}

const resourceServer = { grant_types: [], redirect_uris: [], response_types: [] };
// The identifiers and secrets with reserved characters show that Basic is form-encoded first (RFC 6749 §2.3.1).
export const clients = [
  { client_id: 'app', client_secret: 'app-secret', grant_types: ['client_credentials'], redirect_uris: [],
    response_types: [], scope: 'read write' },
  { client_id: 'node', client_secret: 'node-secret', ...resourceServer },
  { client_id: 'node-post', client_secret: 'post secret+%&=', token_endpoint_auth_method: 'client_secret_post', ...resourceServer },
  { client_id: 'svc:node 1', client_secret: 'p@ss%w/+ &=:', ...resourceServer },
];

if (process.env.BACKCHANNEL) {
  clients.push({ client_id: 'web', client_secret: 'web-secret', redirect_uris: ['https://rp.example/cb'],
    grant_types: ['authorization_code', 'refresh_token'], scope: 'openid offline_access read',
    backchannel_logout_uri: process.env.BACKCHANNEL, backchannel_logout_session_required: true });
}

const counts = { introspections: 0, revocations: 0, in_flight: 0 };
const faults = { delay_ms: 0, fail: 0, revoke_delay_ms: 0 };
let last = {};

// What is needed for people to log in and out.
const people = {
  findAccount: (ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  pkce: { required: () => false },
  // The provider's own fetch refuses loopback addresses, where our receivers are.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
};

function makeProvider(issuer) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const withPeople = Boolean(process.env.BACKCHANNEL);
  const mayActOn = (ctx, client, token) => client.clientId !== 'app' || client.clientId === token.clientId;
  return new Provider(issuer, {
    adapter: Store,
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    scopes: withPeople ? ['openid', 'offline_access', 'read', 'write'] : ['read', 'write'],
    clients,
    ...(withPeople ? people : {}),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    extraTokenClaims: () => ({ tenant: 't1' }),
    ttl: { ClientCredentials: 600, AccessToken: 600, Interaction: 600, Session: 3600, Grant: 3600, IdToken: 600 },
    features: {
      devInteractions: { enabled: withPeople },
      backchannelLogout: { enabled: withPeople },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: mayActOn },
      revocation: { enabled: true, allowedPolicy: mayActOn },
    },
  });
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function mint(provider, query) {
  const client = await provider.Client.find('app');
  const tokens = [];
  for (let i = 0; i < Number(query.n ?? 1); i += 1) {
    const token = new provider.ClientCredentials({ client, scope: query.scope ?? 'read', expiresIn: Number(query.ttl ?? 600) });
    tokens.push(await token.save());
  }
  return `${tokens.join('\n')}\n`;
}

function controls(provider) {
  return async (ctx, next) => {
    const { path, query } = ctx;
    if (path === '/_mint') { ctx.body = await mint(provider, query); return; }
    if (path === '/_stats') { ctx.body = counts; return; }
    if (path === '/_last') { ctx.body = last; return; }
    if (path === '/_knob') {
      for (const name of Object.keys(faults)) if (name in query) faults[name] = Number(query[name]);
      ctx.body = { ...faults, ...counts };
      return;
    }
    if (path === '/token/revocation') {
      counts.revocations += 1;
      if (faults.revoke_delay_ms) await pause(faults.revoke_delay_ms);
    }
    if (path !== '/token/introspection') { await next(); return; }
    counts.introspections += 1;
    counts.in_flight += 1;
    try {
      // The answer is decided first and sent late: what a slow network or a lagging replica does to a revocation.
      if (faults.fail) { ctx.status = faults.fail; ctx.body = 'fault injected'; } else await next();
      last = { authorization: (ctx.get('authorization') || '').split(' ')[0], client: ctx.oidc?.client?.clientId,
        content_type: ctx.get('content-type'), accept: ctx.get('accept') };
      if (faults.delay_ms) await pause(faults.delay_ms);
    } finally { counts.in_flight -= 1; }
  };
}

const secure = Boolean(process.env.TLS_CERT);
const listener = secure
  ? https.createServer({ key: readFileSync(process.env.TLS_KEY), cert: readFileSync(process.env.TLS_CERT) })
  : http.createServer();
listener.keepAliveTimeout = Number(process.env.KEEP_ALIVE_MS ?? 5000);
listener.listen(Number(process.env.PORT ?? 4000), '127.0.0.1', () => {
  const issuer = `${secure ? 'https' : 'http'}://127.0.0.1:${listener.address().port}`;
  const provider = makeProvider(issuer);
  provider.use(controls(provider));
  for (const event of ['server_error', 'backchannel.error']) {
    provider.on(event, (ctx, error) => console.error(event, error?.message, error?.error_detail ?? ''));
  }
  listener.on('request', provider.callback());
  console.log('ready', issuer);
});
