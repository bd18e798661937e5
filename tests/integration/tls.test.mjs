// https upstream: with the right authority it works, with anything wrong it is 503 and never active:false (F85, F6).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createPlainServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { AuthorizationServer, Daemon, freePort, introspect, introspectd, isActive, isInactive, output, revoke, temporaryDirectory } from './stage.mjs';
import { Transmitter } from './transmitter.mjs';

const directory = temporaryDirectory();
const file = (name) => path.join(directory, name);

async function openssl(...args) {
  const result = await output('openssl', args);
  assert.equal(result.code, 0, result.stderr);
}

async function makeAuthority(name) {
  await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
    '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign', '-keyout', file(`${name}.key`), '-out', file(`${name}.crt`));
}

async function makeCertificate(name, { names = 'IP:127.0.0.1,DNS:localhost', days = 2, authority = 'ca' } = {}) {
  await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`));
  writeFileSync(file('extensions'), `subjectAltName=${names}\n`);
  await openssl('x509', '-req', '-in', file(`${name}.csr`), '-CA', file(`${authority}.crt`), '-CAkey', file(`${authority}.key`), '-CAcreateserial',
    '-days', String(days), '-extfile', file('extensions'), '-out', file(`${name}.crt`));
  return { key: file(`${name}.key`), cert: file(`${name}.crt`), ca: file('ca.crt') };
}

await makeAuthority('ca');
await makeAuthority('stranger');

test('https with its own authority works, by address and by name', async () => {
  const as = await new AuthorizationServer({ tls: await makeCertificate('good') }).start();
  const [token, other] = await as.mint(2);
  const daemon = await new Daemon(as, { upstream: { ca_file: file('ca.crt') } }).start();
  assert.ok(isActive(await introspect(daemon.unix, token)));
  assert.equal((await revoke(daemon.unix, token)).status, 200);
  assert.ok(isInactive(await introspect(daemon.unix, token)));
  await daemon.stop();
  const byName = await new Daemon({ introspection: `https://localhost:${as.port}/token/introspection`, revocation: `https://localhost:${as.port}/token/revocation` },
    { upstream: { ca_file: file('ca.crt') } }).start();
  assert.ok(isActive(await introspect(byName.unix, other)));
  await byName.stop();
  await as.kill();
});

// A server that would say active to anything: only the daemon's verification stands between it and the callers.
async function liar(tls, { minVersion, maxVersion } = {}) {
  let asked = 0;
  const server = createServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert), minVersion, maxVersion, ciphers: maxVersion ? 'DEFAULT:@SECLEVEL=0' : undefined }, (request, reply) => {
    asked += 1;
    reply.setHeader('content-type', 'application/json');
    reply.end('{"active":true}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${server.address().port}/introspect`;
  return { url, asked: () => asked, close: () => { server.closeAllConnections(); server.close(); } };
}

async function assertRefused(server, upstream = {}) {
  const daemon = await new Daemon({ introspection: server.url, revocation: server.url }, { upstream: { ca_file: file('ca.crt'), ...upstream } }).start();
  for (const to of [daemon.unix, daemon.tcp]) {
    const reply = await introspect(to, 'some-token');
    assert.equal(reply.status, 503, reply.body);
    assert.equal(JSON.parse(reply.body).error, 'temporarily_unavailable');
    assert.ok(!reply.body.includes('active'));
  }
  assert.equal(server.asked(), 0, 'the token was not even sent');
  await daemon.stop();
  server.close();
}

test('a certificate for another host: 503 (F85)', async () => {
  await assertRefused(await liar(await makeCertificate('elsewhere', { names: 'DNS:as.example.com' })));
});
test('an expired certificate: 503 (F85)', async () => {
  await assertRefused(await liar(await makeCertificate('expired', { days: -1 })));
});
test('a certificate of another authority: 503 (F85)', async () => {
  await assertRefused(await liar(await makeCertificate('foreign', { authority: 'stranger' })));
});
test('a self-signed certificate: 503 (F85)', async () => {
  await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=self',
    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('self.key'), '-out', file('self.crt'));
  await assertRefused(await liar({ key: file('self.key'), cert: file('self.crt') }));
});
test('TLS 1.1 only: 503 (F86)', async () => {
  await assertRefused(await liar(await makeCertificate('old'), { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }));
});
test('plain http where https was said: 503 (F85)', async () => {
  let asked = 0;
  const server = createPlainServer((request, reply) => { asked += 1; reply.end('{"active":true}'); }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await assertRefused({ url: `https://127.0.0.1:${server.address().port}/introspect`, asked: () => asked,
    close: () => { server.closeAllConnections(); server.close(); } });
});

test('the notify listener off loopback speaks TLS only, and refuses to start without (F10)', async () => {
  const identity = await makeCertificate('notify');
  const as = await new Transmitter().start();
  const notify = (tls) => ({ ...(tls ? { tls_cert_file: identity.cert, tls_key_file: identity.key } : {}) });
  const make = async (settings) => {
    const daemon = new Daemon({ introspection: `${as.url}/introspect`, revocation: '' }, { notify: settings, upstream: as.conf() });
    daemon.notifyPort = await freePort();
    daemon.parts.notify = { ...settings, tcp: [`0.0.0.0:${daemon.notifyPort}`] };
    await daemon.writeConf();
    return daemon;
  };
  const plain = await make(notify(false));
  const refused = await output(introspectd, ['--config', plain.confPath, '--check']);
  assert.equal(refused.code, 78);
  assert.match(refused.stdout + refused.stderr, /notify\.tls_cert_file|notify\.tcp/);

  const other = await makeCertificate('another');
  const mismatched = await make({ tls_cert_file: identity.cert, tls_key_file: other.key });
  assert.equal((await output(introspectd, ['--config', mismatched.confPath, '--check'])).code, 78, 'F7');

  const daemon = await (await make(notify(true))).start();
  const token = as.issue('over-tls', { sub: 'alice' });
  assert.ok(isActive(await introspect(daemon.unix, token)));
  const event = file('event');
  writeFileSync(event, await as.sign(as.sessionRevoked('alice')));
  const curl = (...more) => output('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '--data-binary', `@${event}`,
    '-H', 'Content-Type: application/secevent+jwt', ...more]);
  const address = `127.0.0.1:${daemon.notifyPort}/events`;
  assert.equal((await curl('--cacert', file('stranger.crt'), `https://${address}`)).code, 60, 'a client can tell who we are');
  assert.notEqual((await curl(`http://${address}`)).stdout, '202', 'nothing in plain text');
  assert.notEqual((await curl('--cacert', file('ca.crt'), '--tls-max', '1.1', `https://${address}`)).code, 0);
  assert.ok(isActive(await introspect(daemon.unix, token)));
  assert.equal((await curl('--cacert', file('ca.crt'), `https://${address}`)).stdout, '202');
  assert.ok(isInactive(await introspect(daemon.unix, token)));
  await daemon.stop();
  as.stop();
});
