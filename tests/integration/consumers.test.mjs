// Real consumers of RFC 7662, unchanged: they change one URL and get introspectd.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import * as oauth from 'oauth4webapi';
import { AuthorizationServer, Daemon, INACTIVE, end, freePort, introspect, isActive, isInactive, output, revoke, run,
  temporaryDirectory, until } from './stage.mjs';

const as = await new AuthorizationServer().start();
const daemon = await new Daemon(as).start();
const base = `http://127.0.0.1:${daemon.tcpPort}`;
const asRoot = process.getuid() === 0;

// fetch() over the daemon's Unix socket: what a Node service does with `socketPath`.
function unixFetch(url, { method = 'GET', headers, body }) {
  const content = body === undefined ? '' : body.toString();
  return new Promise((resolve, reject) => {
    const sent = http.request({ socketPath: daemon.socketPath, path: new URL(url).pathname, method,
      headers: Object.fromEntries(new Headers(headers)) }, async (reply) => {
      const parts = [];
      for await (const part of reply) parts.push(part);
      resolve(new Response(Buffer.concat(parts), { status: reply.statusCode, headers: reply.headers }));
    });
    sent.on('error', reject);
    sent.end(content);
  });
}

for (const [name, customFetch] of [['TCP', undefined], ['the Unix socket', unixFetch]]) {
  test(`oauth4webapi over ${name}: introspection and revocation`, async () => {
    const server = { issuer: base, introspection_endpoint: `${base}/introspect`, revocation_endpoint: `${base}/revoke` };
    const client = { client_id: 'orders' };
    const options = { [oauth.allowInsecureRequests]: true, ...(customFetch ? { [oauth.customFetch]: customFetch } : {}) };
    for (const authentication of [oauth.ClientSecretBasic('orders-secret'), oauth.ClientSecretPost('orders-secret')]) {
      const [token] = await as.mint();
      const ask = async () => oauth.processIntrospectionResponse(server, client,
        await oauth.introspectionRequest(server, client, authentication, token, options));
      const answer = await ask();
      assert.equal(answer.active, true);
      assert.equal(answer.client_id, 'app');
      assert.equal((await ask()).active, true);
      await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token, options));
      assert.deepEqual(await ask(), { active: false });
    }
  });
}

test('oauth4webapi: wrong credentials are invalid_client', async () => {
  const server = { issuer: base, introspection_endpoint: `${base}/introspect` };
  const client = { client_id: 'orders' };
  const reply = await oauth.introspectionRequest(server, client, oauth.ClientSecretBasic('wrong'), 'x', { [oauth.allowInsecureRequests]: true });
  await assert.rejects(oauth.processIntrospectionResponse(server, client, reply), (error) => {
    assert.equal(reply.status, 401);
    assert.ok(error instanceof oauth.WWWAuthenticateChallengeError, String(error));
    return true;
  });
});

test('curl over the Unix socket and TCP', async () => {
  const [token] = await as.mint();
  const form = ['-sS', '-w', '%{http_code}', '--data-urlencode', `token=${token}`];
  const overUnix = ['--unix-socket', daemon.socketPath];
  const active = await output('curl', [...form, ...overUnix, 'http://localhost/introspect']);
  assert.match(active.stdout, /"active":true.*200$/);
  const overTcp = await output('curl', [...form, '-u', 'orders:orders-secret', `${base}/introspect`]);
  assert.equal(overTcp.stdout, active.stdout);
  const chunked = await output('curl', [...form, ...overUnix, '-H', 'Transfer-Encoding: chunked', 'http://localhost/introspect']);
  assert.equal(chunked.stdout, active.stdout);
  const http10 = await output('curl', [...form, ...overUnix, '--http1.0', 'http://localhost/introspect']);
  assert.equal(http10.stdout, active.stdout);
  const expecting = await output('curl', [...form, ...overUnix, '-H', 'Expect: 100-continue', 'http://localhost/introspect']);
  assert.equal(expecting.stdout, active.stdout);
  assert.match((await output('curl', [...form, ...overUnix, 'http://localhost/revoke'])).stdout, /200$/);
  assert.equal((await output('curl', [...form, ...overUnix, 'http://localhost/introspect'])).stdout, `${INACTIVE}200`);
});

// ---- Dovecot ----------------------------------------------------------------------------------------------------------

function dovecotConf(directory, port) {
  const nobody = asRoot ? 65534 : process.getuid();
  const me = process.env.USER ?? 'nobody';
  const users = asRoot ? '' : `default_internal_user = ${me}\ndefault_login_user = ${me}\n`;
  return `base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/dovecot.log
instance_name = introspectd-test-${port}
${users}protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = oauthbearer xoauth2
auth_failure_delay = 0
mail_location = maildir:${directory}/mail/%u
first_valid_uid = 1
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${directory}/oauth2.conf
}
userdb {
  driver = static
  args = uid=${nobody} gid=${nobody} home=${directory}/mail/%u
}
`;
}

async function startDovecot() {
  const directory = temporaryDirectory();
  const port = await freePort();
  chmodSync(directory, 0o755);
  for (const name of ['run', 'state', 'mail']) mkdirSync(path.join(directory, name), { mode: 0o755 });
  if (asRoot) chownSync(path.join(directory, 'mail'), 65534, 65534);
  writeFileSync(path.join(directory, 'oauth2.conf'), `introspection_mode = post
introspection_url = http://orders:orders-secret@127.0.0.1:${daemon.tcpPort}/introspect
force_introspection = yes
username_attribute = client_id
active_attribute = active
active_value = true
`);
  writeFileSync(path.join(directory, 'dovecot.conf'), dovecotConf(directory, port));
  const log = path.join(directory, 'start.log');
  const child = run('/usr/sbin/dovecot', ['-F', '-c', path.join(directory, 'dovecot.conf')], { log });
  const text = () => [log, path.join(directory, 'dovecot.log')].map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')).join('');
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`dovecot ended:\n${text()}`);
    return (await output('curl', ['-sS', '-m', '2', `imap://127.0.0.1:${port}/`, '-X', 'CAPABILITY'])).code === 0;
  }, { what: 'dovecot', patience: 15000 });
  const login = (token) => output('curl', ['-sS', '-m', '20', '--url', `imap://127.0.0.1:${port}`, '--user', 'app', '--oauth2-bearer', token]);
  return { child, login, text };
}

test('Dovecot logs users in through it, and no longer after a revocation', async () => {
  const dovecot = await startDovecot();
  try {
    const [token] = await as.mint();
    const before = await as.introspections();
    for (let i = 0; i < 3; i += 1) {
      const result = await dovecot.login(token);
      assert.equal(result.code, 0, `${result.stderr}\n${dovecot.text()}`);
      assert.match(result.stdout, /INBOX/);
    }
    assert.equal(await as.introspections() - before, 1, 'three logins, one upstream call');
    assert.equal((await revoke(daemon.unix, token)).status, 200);
    const refused = await dovecot.login(token);
    assert.equal(refused.code, 67, `login denied expected: ${refused.stderr}`);
    assert.equal((await dovecot.login('made-up-token')).code, 67);
  } finally { await end(dovecot.child); }
});

// ---- Apache mod_oauth2 --------------------------------------------------------------------------------------------------

async function startApache() {
  const directory = temporaryDirectory();
  const port = await freePort();
  chmodSync(directory, 0o755);
  mkdirSync(path.join(directory, 'htdocs'), { mode: 0o755 });
  writeFileSync(path.join(directory, 'htdocs', 'index.html'), 'behind the door\n');
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'oauth2']
    .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n');
  writeFileSync(path.join(directory, 'apache.conf'), `ServerRoot ${directory}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${directory}/apache.pid
ErrorLog ${directory}/error.log
${modules}
${asRoot ? 'User www-data\nGroup www-data\n' : ''}StartServers 1
DocumentRoot ${directory}/htdocs
<Location />
  AuthType oauth2
  OAuth2TokenVerify introspect http://127.0.0.1:${daemon.tcpPort}/introspect expiry=0&introspect.auth=client_secret_basic&client_id=orders&client_secret=orders-secret
  OAuth2TargetPass remote_user_claim=client_id
  Require valid-user
</Location>
`);
  const log = path.join(directory, 'error.log');
  const child = run('/usr/sbin/apache2', ['-D', 'FOREGROUND', '-f', path.join(directory, 'apache.conf')], { log });
  const ask = (token) => output('curl', ['-sS', '-m', '20', '-w', '%{http_code}', ...(token ? ['-H', `Authorization: Bearer ${token}`] : []), `http://127.0.0.1:${port}/`]);
  const text = () => readFileSync(log, 'utf8');
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`apache2 ended:\n${text()}`);
    return (await ask()).code === 0;
  }, { what: 'apache2', patience: 15000 });
  return { child, ask, text };
}

test('Apache mod_oauth2 lets users in through it, and no longer after a revocation', async () => {
  const apache = await startApache();
  try {
    const [token] = await as.mint();
    const before = await as.introspections();
    for (let i = 0; i < 3; i += 1) {
      const result = await apache.ask(token);
      assert.match(result.stdout, /behind the door\n200$/, apache.text());
    }
    assert.equal(await as.introspections() - before, 1, 'three requests, one upstream call');
    assert.match((await apache.ask()).stdout, /401$/);
    assert.match((await apache.ask('made-up-token')).stdout, /401$/);
    assert.equal((await revoke(daemon.unix, token)).status, 200);
    assert.match((await apache.ask(token)).stdout, /401$/);
  } finally { await end(apache.child); }
});

test('the Unix socket and TCP share one memory', async () => {
  const [token] = await as.mint();
  const before = await as.introspections();
  assert.ok(isActive(await introspect(daemon.tcp, token)));
  assert.ok(isActive(await introspect(daemon.unix, token)));
  assert.equal(await as.introspections() - before, 1);
  assert.equal((await revoke(daemon.tcp, token)).status, 200);
  assert.ok(isInactive(await introspect(daemon.unix, token)));
});
