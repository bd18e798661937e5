// What operators use: introspectctl, metrics, health; and that no token is written down anywhere.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { closeSync, openSync, readSync, writeFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { AuthorizationServer, Daemon, get, introspect, introspectctl, introspectd, isActive, isInactive, output, pause, request, revoke, secretFile, temporaryDirectory }
  from './stage.mjs';

const as = await new AuthorizationServer().start();
const daemon = await new Daemon(as).start();
const sha256 = (token) => createHash('sha256').update(token).digest('hex');

async function ctl(args, input) {
  const result = await daemon.ctl(args, input);
  assert.equal(result.code, 0, `introspectctl ${args.join(' ')}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}

test('introspectctl purge: the token on stdin is dead at once, nobody is asked (I4)', async () => {
  const [token] = await as.mint();
  assert.ok(isActive(await introspect(daemon.unix, token)));
  await ctl(['purge'], `${token}\n`);
  const before = await as.introspections();
  assert.ok(isInactive(await introspect(daemon.unix, token)));
  assert.ok(isInactive(await introspect(daemon.tcp, token)));
  assert.equal(await as.introspections(), before);
});

test('introspectctl purge --sha256: the same, without the token', async () => {
  const [token, never] = await as.mint(2);
  assert.ok(isActive(await introspect(daemon.unix, token)));
  await ctl(['purge', '--sha256', sha256(token)]);
  await ctl(['purge', '--sha256', sha256(never)]);
  const before = await as.introspections();
  assert.ok(isInactive(await introspect(daemon.unix, token)));
  assert.ok(isInactive(await introspect(daemon.unix, never)), 'also a token that was never asked about');
  assert.equal(await as.introspections(), before);
});

test('introspectctl purge --client and --issued-before: all of a client, or of a time, and how many that were', async () => {
  const tokens = await as.mint(20);
  for (const token of tokens) assert.ok(isActive(await introspect(daemon.unix, token)));
  assert.match(await ctl(['purge', '--client', 'nobody']), /: 0 answers dropped/);
  const before = await as.introspections();
  for (const token of tokens) assert.ok(isActive(await introspect(daemon.unix, token)));
  assert.equal(await as.introspections(), before, 'all are still cached');

  assert.match(await ctl(['purge', '--client', 'app', '--ask']), /: (2\d|[3-9]\d|\d{3,}) answers dropped/);
  for (const token of tokens) assert.ok(isActive(await introspect(daemon.unix, token)), 'asked anew, and alive');
  assert.equal(await as.introspections() - before, tokens.length);

  const said = JSON.parse(await ctl(['purge', '--issued-before', '2001-01-01T00:00:00Z', '--as', 'main', '--json']));
  assert.deepEqual(said.authorization_servers, ['main']);
  assert.equal(said.purged, true);
  await ctl(['purge', '--client', 'app']);
  for (const token of tokens) assert.ok(isInactive(await introspect(daemon.unix, token)), 'issued until now: dead');
  assert.notEqual((await daemon.ctl(['purge', '--issued-before', 'yesterday'])).code, 0);
  assert.notEqual((await daemon.ctl(['purge', '--sub', 'x', '--as', 'nobody'])).code, 0);
  await pause(1100);   // iat counts seconds: what is issued from now on is younger than the purge
});

test('introspectctl purge: garbage is refused', async () => {
  assert.notEqual((await daemon.ctl(['purge', '--sha256', 'abc'])).code, 0);
  assert.notEqual((await daemon.ctl(['purge'], '')).code, 0);
});

test('introspectctl flush: everything is asked again, the dead stay dead', async () => {
  const [token, dead] = await as.mint(2);
  assert.ok(isActive(await introspect(daemon.unix, token)));
  await ctl(['purge'], dead);
  await ctl(['flush']);
  const before = await as.introspections();
  assert.ok(isActive(await introspect(daemon.unix, token)));
  assert.equal(await as.introspections() - before, 1);
  assert.ok(isInactive(await introspect(daemon.unix, dead)));
  assert.equal(await as.introspections() - before, 1);
});

test('introspectctl status: text for people, JSON for programs', async () => {
  assert.match(await ctl(['status']), /main/);
  const status = JSON.parse(await ctl(['status', '--json']));
  assert.equal(typeof status, 'object');
});

test('introspectctl without a daemon says so', async () => {
  const result = await output(introspectctl, ['--socket', '/nonexistent/admin.sock', 'status']);
  assert.notEqual(result.code, 0);
  assert.match(result.stderr, /\/nonexistent\/admin\.sock/);
});

test('/metrics passes promtool and counts hits and misses', async () => {
  const [token] = await as.mint();
  for (let i = 0; i < 3; i += 1) await introspect(daemon.unix, token);
  for (const to of [daemon.admin, daemon.adminTcp]) {
    const reply = await get(to, '/metrics');
    assert.equal(reply.status, 200);
    assert.match(reply.headers['content-type'], /^text\/plain; ?version=0\.0\.4/);
    const verdict = await output('promtool', ['check', 'metrics'], { input: reply.body });
    assert.equal(verdict.code, 0, verdict.stderr);
    assert.equal(verdict.stderr, '');
    const series = reply.body.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')));
    assert.equal(new Set(series).size, series.length, 'no series twice');
    for (const name of series) assert.match(name, /^introspectd_|^process_/);
  }
});

test('/healthz and /readyz on both admin listeners', async () => {
  for (const to of [daemon.admin, daemon.adminTcp]) {
    assert.equal((await get(to, '/healthz')).status, 200);
    assert.equal((await get(to, '/readyz')).status, 200);
    assert.equal((await get(to, '/nothing-here')).status, 404);
  }
});

test('the admin TCP listener is read only and not for browsers (F29)', async () => {
  for (const target of ['/purge', '/flush']) {
    const reply = await request(daemon.adminTcp, { path: target, headers: { 'content-type': 'application/json' }, body: '{}' });
    assert.ok([403, 404, 405].includes(reply.status), `${target}: ${reply.status}`);
  }
  assert.equal((await request(daemon.adminTcp, { method: 'GET', path: '/metrics', headers: { host: 'evil.example' } })).status, 403);
  assert.equal((await request(daemon.adminTcp, { method: 'GET', path: '/metrics', headers: { origin: 'http://evil.example' } })).status, 403);
});

test('callers cannot reach the admin routes, nor admins the callers\'', async () => {
  for (const target of ['/metrics', '/status', '/purge', '/flush']) {
    assert.equal((await request(daemon.unix, { path: target, form: { token: 'x' } })).status, 404, target);
  }
  assert.equal((await introspect(daemon.admin, 'x')).status, 404);
});

test('--check and --print-config: no socket is opened, no secret is shown', async () => {
  assert.equal((await output(introspectd, ['--config', daemon.confPath, '--check'])).code, 0);
  const shown = await output(introspectd, ['--config', daemon.confPath, '--print-config']);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /introspection_endpoint/);
  assert.ok(!shown.stdout.includes('node-secret') && !shown.stdout.includes('orders-secret'));
  const broken = path.join(daemon.directory, 'broken.conf');
  writeFileSync(broken, readFileSync(daemon.confPath, 'utf8').replace('ttl = ', 'tll = '));
  const refused = await output(introspectd, ['--config', broken]);
  assert.equal(refused.code, 78);
  assert.match(refused.stderr, /broken\.conf:\d+: .*tll/);
  assert.match(refused.stderr, /ttl/);
});

test('no token byte is in a log, a metric or a status (I44)', async () => {
  const marks = [];
  const mark = (reply) => { marks.push(reply); return reply; };
  const tokens = (await as.mint(5)).concat('made-up-Token_made-up-Token_made-up-Token');
  const loud = await new Daemon(as, { listen: { header_timeout: '500ms' } });
  await loud.writeConf();
  writeFileSync(loud.confPath, `${readFileSync(loud.confPath, 'utf8')}\n[log]\nlevel = "debug"\n`);
  await loud.start();
  for (const token of tokens) {
    mark(await introspect(loud.unix, token));
    mark(await introspect(loud.tcp, token));
    mark(await request(loud.unix, { method: 'GET', path: `/introspect?token=${token}` }));
    mark(await request(loud.unix, { path: `/introspect/${token}`, form: { token } }));
    mark(await request(loud.unix, { path: '/introspect', body: `{"token":"${token}"}`, headers: { 'content-type': 'application/json' } }));
    mark(await request({ port: loud.tcpPort }, { form: { token }, headers: { authorization: `Bearer ${token}` } }));
    mark(await request({ port: loud.tcpPort }, { form: { token, client_id: token, client_secret: token } }));
  }
  await as.knob({ fail: 500 });
  for (const token of await as.mint(3)) { tokens.push(token); mark(await introspect(loud.unix, token)); }
  await as.knob({ fail: 0 });
  for (const token of tokens) mark(await revoke(loud.unix, token));
  const errors = marks.filter((reply) => reply.status !== 200).map((reply) => reply.body).join('\n');
  await pause(200);
  const places = { log: loud.logText(), metrics: await loud.metrics(), status: (await get(loud.admin, '/status')).body, errors };
  assert.match(places.log, /\w/, 'there is a log to look at');
  for (const [place, text] of Object.entries(places)) {
    for (const token of tokens) {
      assert.ok(!text.includes(token.slice(0, 12)), `a token in the ${place}`);
      assert.ok(!text.includes(sha256(token).slice(0, 16)), `a token's hash in the ${place}`);
    }
    for (const secret of ['node-secret', 'orders-secret']) assert.ok(!text.includes(secret), `a secret in the ${place}`);
  }
  const { core } = limits(loud.child.pid);
  assert.equal(core, '0', 'no core file may be written');
  await loud.stop();
});

function limits(pid) {
  const text = readFileSync(`/proc/${pid}/limits`, 'utf8');
  return { core: /^Max core file size\s+(\S+)/m.exec(text)[1] };
}

// How often each text stands in the writable memory of a process.
function countInMemory(pid, texts) {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const counts = new Map(texts.map((text) => [text, 0]));
  const chunk = Buffer.alloc(1 << 22);
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (!range) continue;
    const [begin, end] = [parseInt(range[1], 16), parseInt(range[2], 16)];
    for (let at = begin; at < end; at += chunk.length - 64) {   // the pieces overlap by more than a token
      let got = 0;
      try { got = readSync(memory, chunk, 0, Math.min(chunk.length, end - at), at); } catch { break; }
      const piece = chunk.subarray(0, got);
      for (const text of texts) {
        for (let found = piece.indexOf(text); found >= 0; found = piece.indexOf(text, found + 1)) counts.set(text, counts.get(text) + 1);
      }
    }
  }
  closeSync(memory);
  return counts;
}

test('what a token leaves in memory once nobody uses it (I44)', async () => {
  const hook = secretFile(temporaryDirectory(), 'hook', 'hook-secret');
  const quiet = await new Daemon(as, { notify: {}, tables: {
    '[webhook]': { name: 'idp', secret_file: hook, signature_header: 'X-Signature', kind: 'dead', token: '/access/token' },
  } }).start();
  const tokens = await as.mint(20);
  for (const token of tokens) {
    assert.ok(isActive(await introspect(quiet.unix, token)));
    assert.ok(isActive(await introspect(quiet.tcp, token)));
  }
  await revoke(quiet.unix, tokens[0]);
  const purges = tokens.slice(1, 4).map((token) => ({ token }));
  const asJson = { 'content-type': 'application/json' };
  assert.equal((await request(quiet.admin, { path: '/purge', body: JSON.stringify({ purges }), headers: asJson })).status, 200);
  const notice = JSON.stringify({ type: 'revoked', access: { token: tokens[4], kind: 'Bearer' } });
  const signature = `sha256=${createHmac('sha256', 'hook-secret').update(notice).digest('hex')}`;
  const told = await request(quiet.notify, { path: '/webhook/idp', body: notice, headers: { ...asJson, 'x-signature': signature } });
  assert.equal(told.status, 200);
  // Other tokens pass through the same connections, as they do on a live node.
  for (let i = 0; i < 200; i += 1) await introspect(quiet.unix, `other-${i}-${'x'.repeat(60)}`);
  await pause(1500);
  const counts = countInMemory(quiet.child.pid, tokens);
  const left = [...counts.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(left, 0, `of ${tokens.length} tokens ${left} copies are left`);
  await quiet.stop();
});
