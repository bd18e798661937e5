// An authorization server of the tests' own where the certified one has no such thing: it signs security events with
// npm `jose`, hands them out by SET poll (RFC 8936), answers verification requests (SSF 1.0), rotates its keys, and
// introspects tokens whose claims the test chooses.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';

export const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
export const RISC = 'https://schemas.openid.net/secevent/risc/event-type/';
export const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/';
export const LOGOUT = 'http://schemas.openid.net/event/backchannel-logout';
export const seconds = () => Math.floor(Date.now() / 1000);

export class Transmitter {
  constructor() {
    this.tokens = new Map();        // token → claims, or undefined: inactive
    this.introspections = 0;
    this.keyFetches = 0;
    this.keys = [];
    this.poll = { sets: new Map(), acks: [], errors: {}, requests: [], waiting: new Set(), down: false, silent: false };
    this.verifications = [];
  }

  async start() {
    await this.addKey('ES256', 'one');
    this.server = createServer((incoming, outgoing) => { this.answer(incoming, outgoing).catch((error) => outgoing.destroy(error)); });
    this.server.keepAliveTimeout = 5000;
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  stop() { this.server.closeAllConnections(); this.server.close(); }
  // What a conf says of us.
  conf() {
    return { introspection_endpoint: `${this.url}/introspect`, revocation_endpoint: '', issuer: this.url,
      jwks_uri: `${this.url}/jwks`, event_audience: ['node', 'https://node.example'] };
  }

  async addKey(alg, kid) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const key = { alg, kid, privateKey, jwk: { ...await exportJWK(publicKey), alg, kid, use: 'sig' } };
    this.keys.push(key);
    return key;
  }

  // The parts of an event that a test may bend: claims undefined are left out.
  async sign(claims, { header = {}, key = this.keys.at(-1) } = {}) {
    const payload = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
    return new SignJWT(payload).setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'secevent+jwt', ...header }).sign(key.privateKey);
  }
  event(events, claims = {}) {
    return { iss: this.url, aud: 'node', iat: seconds(), jti: randomUUID(), events, ...claims };
  }
  logoutToken(claims = {}) {
    return { iss: this.url, aud: 'node', iat: seconds(), exp: seconds() + 120, jti: randomUUID(), events: { [LOGOUT]: {} }, ...claims };
  }
  subject(sub) { return { sub_id: { format: 'iss_sub', iss: this.url, sub } }; }
  sessionRevoked(sub, claims = {}) {
    return this.event({ [`${CAEP}session-revoked`]: { event_timestamp: seconds() } }, { ...this.subject(sub), ...claims });
  }

  issue(token, claims = {}) {
    this.tokens.set(token, { active: true, iat: seconds() - 10, exp: seconds() + 600, client_id: 'app', ...claims });
    return token;
  }

  // An event to be fetched: whoever polls gets it at once.
  queue(jti, jws) {
    this.poll.sets.set(jti, jws);
    for (const serve of this.poll.waiting) serve();
  }

  async answer(incoming, outgoing) {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    const body = Buffer.concat(parts).toString();
    const json = (value, status = 200) => outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (incoming.url === '/introspect') {
      this.introspections += 1;
      json(this.tokens.get(new URLSearchParams(body).get('token')) ?? { active: false });
    } else if (incoming.url === '/jwks') {
      this.keyFetches += 1;
      if (this.keysDown) outgoing.writeHead(503).end(); else json({ keys: this.keys.map(({ jwk }) => jwk) });
    } else if (incoming.url === '/poll') await this.answerPoll(incoming, JSON.parse(body), json, outgoing);
    else if (incoming.url === '/verify') {
      this.verifications.push({ ...JSON.parse(body), authorization: incoming.headers.authorization });
      outgoing.writeHead(204).end();
    } else outgoing.writeHead(404).end();
  }

  async answerPoll(incoming, asked, json, outgoing) {
    const { poll } = this;
    poll.requests.push({ ...asked, authorization: incoming.headers.authorization });
    if (poll.down) { outgoing.writeHead(503).end(); return; }
    for (const jti of asked.ack ?? []) { poll.acks.push(jti); poll.sets.delete(jti); }
    for (const [jti, error] of Object.entries(asked.setErrs ?? {})) { poll.errors[jti] = error; poll.sets.delete(jti); }
    if (poll.silent) return;
    const most = asked.maxEvents ?? 1000;
    if (most > 0 && poll.sets.size === 0 && !asked.returnImmediately) {
      await new Promise((resolve) => {
        const serve = () => { clearTimeout(timer); poll.waiting.delete(serve); resolve(); };
        const timer = setTimeout(serve, 2000);
        poll.waiting.add(serve);
        outgoing.on('close', serve);
      });
    }
    const sets = [...poll.sets].slice(0, most);
    json({ sets: Object.fromEntries(sets), moreAvailable: sets.length < poll.sets.size });
  }
}
