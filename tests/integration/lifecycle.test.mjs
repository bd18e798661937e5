// Start, stop, crash, and systemd: sockets handed over, readiness told, requests in flight finished.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AuthorizationServer, Daemon, end, introspect, introspectd, isActive, output, pause, run, temporaryDirectory, until } from './stage.mjs';

const as = await new AuthorizationServer().start();

// Writes each datagram of a socket to a file, one a line (node has no Unix datagrams).
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
with open(sys.argv[2], 'w', buffering=1) as f:
    while True:
        f.write(s.recv(65536).decode().replace('\\n', ';') + '\\n')
`;

test('sd_notify: READY=1 once it answers, STOPPING=1 before it drains (STD 9.02, 9.04)', async () => {
  const directory = temporaryDirectory();
  const [socket, file] = ['notify.sock', 'notified'].map((name) => path.join(directory, name));
  const listener = run('python3', ['-c', LISTENER, socket, file]);
  await until(() => existsSync(socket), { what: 'notify listener' });
  const notified = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const daemon = new Daemon(as);
  await daemon.start({ env: { NOTIFY_SOCKET: socket } });
  await until(() => /(^|;)READY=1(;|$)/m.test(notified()), { what: 'READY=1' });
  assert.ok(!/STOPPING=1/.test(notified()));
  const result = await daemon.stop();
  assert.equal(result.code, 0);
  await until(() => /(^|;)STOPPING=1(;|$)/m.test(notified()), { what: 'STOPPING=1' });
  await end(listener, 'SIGKILL');
});

test('the watchdog is fed (STD 9.05)', async () => {
  const directory = temporaryDirectory();
  const [socket, file] = ['notify.sock', 'notified'].map((name) => path.join(directory, name));
  const listener = run('python3', ['-c', LISTENER, socket, file]);
  await until(() => existsSync(socket), { what: 'notify listener' });
  const daemon = await new Daemon(as).start({ env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' } });
  await pause(1500);
  const fed = (readFileSync(file, 'utf8').match(/WATCHDOG=1/g) ?? []).length;
  assert.ok(fed >= 4 && fed <= 12, `fed ${fed} times in 1.5 s at a watchdog of 0.4 s`);
  await daemon.stop();
  await end(listener, 'SIGKILL');
});

test('socket activation: the sockets come from systemd, named (STD 9.01)', async () => {
  const directory = temporaryDirectory();
  const daemon = new Daemon(as);
  await daemon.writeConf();
  const [introspectSocket, adminSocket] = ['handed.sock', 'handed-admin.sock'].map((name) => path.join(directory, name));
  daemon.child = run('systemd-socket-activate', ['-l', introspectSocket, '-l', adminSocket, '--fdname=introspect:admin', introspectd, '--config', daemon.confPath], { log: daemon.log });
  const [token] = await as.mint();
  await until(() => existsSync(adminSocket), { what: 'systemd-socket-activate' });
  daemon.admin = { socketPath: adminSocket };
  assert.ok(isActive(await introspect({ socketPath: introspectSocket }, token)), 'the first request wakes it and is answered');
  await daemon.ready();
  assert.ok(isActive(await introspect({ socketPath: introspectSocket }, token)));
  assert.equal((await daemon.stop()).code, 0);
  assert.ok(existsSync(introspectSocket), 'the path is systemd\'s: not unlinked');
});

test('SIGTERM: the request in flight is answered, then the exit is clean (F119)', async () => {
  const daemon = await new Daemon(as).start();
  const [token] = await as.mint();
  await as.knob({ delay_ms: 600 });
  const inFlight = introspect(daemon.unix, token);
  await until(async () => (await as.stats()).in_flight > 0, { what: 'a call in flight' });
  const stopped = daemon.stop();
  const reply = await inFlight;
  assert.ok(isActive(reply), `${reply.status} ${reply.body}`);
  assert.deepEqual(await stopped, { code: 0, signal: null });
  await as.knob({ delay_ms: 0 });
  assert.ok(!existsSync(daemon.socketPath) && !existsSync(daemon.adminPath), 'its sockets are gone');
});

test('SIGTERM with idle connections open ends at once', async () => {
  const daemon = await new Daemon(as).start();
  const [token] = await as.mint();
  await introspect(daemon.unix, token);
  await introspect(daemon.tcp, token);
  const begin = Date.now();
  assert.equal((await daemon.stop()).code, 0);
  assert.ok(Date.now() - begin < 3000, `${Date.now() - begin} ms`);
});

test('SIGKILL: the next start is clean and cold (F119, I52)', async () => {
  const daemon = await new Daemon(as).start();
  const [token] = await as.mint();
  assert.ok(isActive(await introspect(daemon.unix, token)));
  await daemon.stop('SIGKILL');
  assert.ok(existsSync(daemon.socketPath), 'a stale socket is left behind');
  daemon.unix.agent.destroy();
  delete daemon.unix.agent;
  delete daemon.admin.agent;
  await daemon.start();
  const before = await as.introspections();
  assert.ok(isActive(await introspect(daemon.unix, token)));
  assert.equal(await as.introspections() - before, 1);
  await daemon.stop();
});

test('a live socket is never taken away (F9)', async () => {
  const daemon = await new Daemon(as).start();
  const second = await output(introspectd, ['--config', daemon.confPath]);
  assert.equal(second.code, 78, second.stderr);
  const [token] = await as.mint();
  daemon.unix.agent?.destroy();
  delete daemon.unix.agent;
  assert.ok(isActive(await introspect(daemon.unix, token)), 'the first still answers new connections');
  await daemon.stop();
});

test('a file that is no socket is never taken away either (F9)', async () => {
  const daemon = new Daemon(as);
  await daemon.writeConf();
  writeFileSync(daemon.socketPath, 'precious');
  const refused = await output(introspectd, ['--config', daemon.confPath]);
  assert.equal(refused.code, 78, refused.stderr);
  assert.match(refused.stderr, /introspectd\.sock/);
  assert.equal(readFileSync(daemon.socketPath, 'utf8'), 'precious');
  assert.ok(!existsSync(daemon.adminPath), 'no other socket was left behind');
});

test('the number of threads is constant after start (I40)', async () => {
  const daemon = await new Daemon(as).start();
  const threads = () => /^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.child.pid}/status`, 'utf8'))[1];
  const [first] = await as.mint();
  assert.ok(isActive(await introspect(daemon.unix, first)));
  const before = threads();
  const tokens = await as.mint(500);
  await Promise.all(tokens.map((token) => introspect(daemon.unix, token)));
  await Promise.all(tokens.map((token) => introspect(daemon.tcp, token)));
  assert.equal(threads(), before);
  await daemon.stop();
});

test('descriptors and threads are as before after a storm of connections (I36)', async () => {
  const daemon = await new Daemon(as).start();
  const fds = () => readdirSync(`/proc/${daemon.child.pid}/fd`).length;
  const [token] = await as.mint();
  await introspect(daemon.unix, token);
  await pause(100);
  const before = fds();
  for (let round = 0; round < 5; round += 1) {
    const storm = [{ socketPath: daemon.socketPath, connections: 200 }, { port: daemon.tcpPort, authorization: daemon.authorization, connections: 200 }];
    await Promise.all(storm.flatMap((to) => Array.from({ length: 200 }, () => introspect(to, token))));
    for (const to of storm) to.agent.destroy();
  }
  await until(() => fds() <= before + 1, { what: 'descriptors as before' });
  await daemon.stop();
});
