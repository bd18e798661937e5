// A hit that is not pipelined costs one read, one write, and the wait for the next: nothing else.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { AuthorizationServer, Daemon, until } from './stage.mjs';

const HITS = 1000;
const READS = ['recv', 'recvfrom', 'recvmsg', 'readv'];   // of sockets; `read` is of the timers and posts that wake a loop
const WRITES = ['write', 'send', 'sendto', 'sendmsg', 'writev'];
const WAITS = ['epoll_wait', 'epoll_pwait', 'epoll_pwait2'];

const as = await new AuthorizationServer().start();
const [token] = await as.mint();

// One request after another on one connection; resolves when all are answered.
async function hits(socket, bytes, count) {
  for (let i = 0; i < count; i += 1) {
    let text = '';
    socket.write(bytes);
    while (!/\r\n\r\n.*\}$/s.test(text)) text += (await once(socket, 'data'))[0];
    assert.match(text, /^HTTP\/1\.1 200 .*"active":true/s);
  }
}

function callsIn(trace, from) {
  const counts = new Map();
  for (const line of readFileSync(trace).subarray(from).toString().split('\n')) {
    const name = /^\d+ +(\w+)\(/.exec(line)?.[1];
    if (name) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

for (const kind of ['Unix', 'TCP']) {
  test(`system calls of ${HITS} hits over ${kind}`, async () => {
    const daemon = new Daemon(as);
    const trace = path.join(daemon.directory, 'trace');
    await daemon.start({ wrap: ['/usr/bin/strace', '-f', '-qq', '-s', '0', '-o', trace] });
    const socket = kind === 'Unix' ? connect(daemon.socketPath) : connect(daemon.tcpPort, '127.0.0.1');
    socket.setNoDelay?.(true);
    await once(socket, 'connect');
    const form = `token=${token}`;
    const authorization = kind === 'TCP' ? `Authorization: ${daemon.authorization}\r\n` : '';
    const bytes = `POST /introspect HTTP/1.1\r\nHost: localhost\r\n${authorization}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n${form}`;
    await hits(socket, bytes, 10);
    const from = statSync(trace).size;
    const begin = Date.now();
    await hits(socket, bytes, HITS);
    // Loops also wake by themselves, some ten times a second, to look after deadlines.
    const wakeUps = 20 + (Date.now() - begin) * 0.05;
    const counts = callsIn(trace, from);
    const sum = (names) => names.reduce((total, name) => total + (counts.get(name) ?? 0), 0);
    const summary = JSON.stringify(Object.fromEntries(counts));
    assert.ok(sum(READS) >= HITS && sum(READS) <= HITS * 1.02, `reads: ${summary}`);
    assert.ok(sum(WRITES) >= HITS && sum(WRITES) <= HITS * 1.02, `writes: ${summary}`);
    assert.ok(sum(WAITS) <= HITS + wakeUps, `waits: ${summary}`);
    assert.ok(sum(['read']) <= wakeUps, `reads of wake-ups: ${summary}`);
    const all = [...counts.values()].reduce((total, count) => total + count, 0);
    assert.ok(all <= HITS * 3.04 + 2 * wakeUps, `all: ${summary}`);
    socket.destroy();
    const tracer = daemon.child.pid;
    const [daemonPid] = readdirSync(`/proc/${tracer}/task`).flatMap((task) => readFileSync(`/proc/${tracer}/task/${task}/children`, 'utf8').trim().split(' '));
    process.kill(Number(daemonPid), 'SIGTERM');
    await until(() => daemon.child.exitCode !== null, { what: 'the traced daemon to end' });
  });
}
