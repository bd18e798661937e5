// What revocation costs and how fast it is: `./dev bench revocation [PART…] [--quick] [--gate]`. Release build.
//   storm    hits, open loop, without and with 10 000 purges a second by token and by sub: p99, as a ratio of rounds
//   million  a client with a million cached tokens is purged: how long until the acknowledgement, until they are gone
//   signed   signed events a second that one node takes, RS256 and ES256
//   fleet    one node receives, 50 purge: from the receipt to the last node's purge
// Prints one line of JSON a part; with --gate a missed limit makes the exit status 1.
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [build, ...words] = process.argv.slice(2);
process.env.INTROSPECTD = path.resolve(build, 'introspectd');
process.env.INTROSPECTCTL = path.resolve(build, 'introspectctl');
process.env.DEMO_STORY = process.env.DEMO_AS = '/bin/false';
const integration = path.join(path.dirname(fileURLToPath(import.meta.url)), '../tests/integration');
const stage = await import(path.join(integration, 'stage.mjs'));
const { Transmitter } = await import(path.join(integration, 'transmitter.mjs'));
const { Daemon, end, freePort, introspect, isInactive, output, pause, request, run, secretFile, temporaryDirectory, until } = stage;

const quick = words.includes('--quick');
const gate = words.includes('--gate');
const parts = words.filter((word) => !word.startsWith('--'));
const failures = [];
const LIMITS = { storm: 2, million_ms: 1, signed: 2000, fleet_p99_ms: 100 };

function report(part, figures, met) {
  console.log(JSON.stringify({ part, ...figures, met }));
  if (!met) failures.push(part);
}
const quantile = (numbers, q) => [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.ceil(numbers.length * q) - 1)];
const median = (numbers) => quantile(numbers, 0.5);
const rounded = (number) => Math.round(number * 1000) / 1000;

const loadProgram = path.join(build, 'bench', 'load');
async function load(daemon, ...options) {
  const ran = await output('taskset', ['-c', '1', loadProgram, `--unix=${daemon.socketPath}`, ...options]);
  const result = JSON.parse(ran.stdout);
  if (result.wrong || result.lost) throw new Error(`load: ${ran.stdout}`);
  return result;
}

// A daemon filled with the load generator's tokens, in front of the mock server.
async function filled(tokens, memory) {
  const port = await freePort();
  const as = run(path.join(build, 'bench', 'mock_as'), [`--port=${port}`]);
  const daemon = new Daemon({ introspection: `http://127.0.0.1:${port}/introspect`, revocation: '' }, {
    listen: { threads: 1 }, cache: { memory, ttl: '1d', ttl_live: '1d', ttl_without_exp: '1d' },
    upstream: { max_connections: 64, max_in_flight: 1024 },
    caller: { id: 'bench', max_in_flight: 1024 },
  });
  await daemon.writeConf();
  writeFileSync(path.join(daemon.directory, 'orders.secret'), 'bench-secret', { mode: 0o600 });
  await daemon.start({ wrap: ['taskset', '-c', '0'] });
  await load(daemon, '--mix=sequential', `--count=${tokens}`, `--requests=${tokens}`, '--seconds=600', '--warm-up=0');
  return { daemon, as };
}
async function finish({ daemon, as }) {
  await daemon.stop();
  await end(as);
}

// Batches of purges on one admin connection, so many a second, until told to stop. Subjects are of tokens that are cached
// and not asked for.
function purgeStorm(daemon, perSecond, firstSub) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const batch = 250;
  let running = true;
  let sent = 0;
  let number = firstSub;
  const done = (async () => {
    const began = performance.now();
    while (running) {
      const purges = Array.from({ length: batch }, (_, i) => {
        number += 1;
        return i % 2 ? { sub: `user-${String(number).padStart(12, '0')}` }
          : { token_sha256: Buffer.from(`${number}`.padStart(32, '0')).toString('hex') };
      });
      const body = JSON.stringify({ purges });
      const reply = await request({ socketPath: daemon.adminPath, agent }, { path: '/purge', body, headers: { 'content-type': 'application/json' } });
      if (reply.status !== 200) throw new Error(`purge: ${reply.status} ${reply.body}`);
      sent += batch;
      const ahead = sent / perSecond * 1000 - (performance.now() - began);
      if (ahead > 0) await pause(ahead);
    }
    return { sent, seconds: (performance.now() - began) / 1000 };
  })();
  return { stop: () => { running = false; return done; } };
}

async function storm() {
  const world = await filled(200_000, '256MiB');
  const rounds = quick ? 3 : 9;
  const open = ['--rate=10000', '--spin', '--count=1000', quick ? '--seconds=1' : '--seconds=2', `--pid=${world.daemon.child.pid}`];
  const ratios = [];
  const p99 = { without: [], with: [] };
  let rate = 0;
  for (let round = 0; round < rounds; round += 1) {
    const measured = {};
    for (const kind of round % 2 ? ['with', 'without'] : ['without', 'with']) {
      const purges = kind === 'with' ? purgeStorm(world.daemon, 10_000, 1000 + round * 5000) : null;
      if (purges) await pause(200);
      measured[kind] = (await load(world.daemon, ...open)).p99_us;
      if (purges) { const { sent, seconds } = await purges.stop(); rate = sent / seconds; }
      p99[kind].push(measured[kind]);
      await pause(300);
    }
    ratios.push(measured.with / measured.without);
  }
  const floors = (await world.daemon.metrics()).split('\n').filter((line) => /floor/.test(line) && !line.startsWith('#'));
  report('storm', { purges_per_second: Math.round(rate), p99_us_without: median(p99.without), p99_us_with: median(p99.with),
    ratio: rounded(median(ratios)), limit: LIMITS.storm, floors }, median(ratios) <= LIMITS.storm && rate >= 9000);
  await finish(world);
}

async function million() {
  const tokens = quick ? 200_000 : 1_000_000;
  const world = await filled(tokens, quick ? '512MiB' : '2GiB');
  const socket = net.connect(world.daemon.adminPath);
  await once(socket, 'connect');
  // How long from the request to its reply. Over a bare socket: an HTTP client of this language takes longer than a purge.
  const purge = async (body) => {
    const json = JSON.stringify(body);
    const message = `POST /purge HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
    const began = performance.now();
    socket.write(message);
    let text = '';
    while (!/\r\n\r\n[^]*\}\s*$/.test(text)) text += (await once(socket, 'data'))[0].toString('latin1');
    const took = performance.now() - began;
    if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(text);
    return took;
  };
  for (let i = 0; i < 100; i += 1) await purge({ sub: `nobody-${i}` });
  // The mock server spreads tokens over 1 000 clients. A purge costs the same for one record and for all: first some by
  // themselves, while the sweep of those before goes on, then all of them in one batch, which are the whole million.
  const one = [];
  for (let i = 0; i < 200; i += 1) {
    one.push(await purge({ client_id: `app-${String(i).padStart(6, '0')}` }));
    await pause(5);
  }
  const body = { purges: Array.from({ length: 1000 }, (_, i) => ({ client_id: `app-${String(i).padStart(6, '0')}` })) };
  const began = performance.now();
  const acknowledged = await purge(body);
  const entries = async () => Number(/^introspectd_cache_entries (\d+)$/m.exec(await world.daemon.metrics())[1]);
  await until(async () => await entries() === 0, { patience: 60000, every: 20, what: 'the sweep' });
  const swept = performance.now() - began;
  report('million', { tokens, one_purge_ms: rounded(median(one)), one_purge_p99_ms: rounded(quantile(one, 0.99)), a_thousand_purges_ms: rounded(acknowledged),
    all_gone_ms: Math.round(swept), limit_ms: LIMITS.million_ms }, median(one) < LIMITS.million_ms);
  await finish(world);
}

// Sends requests pipelined over a few connections and counts the answers: faster than an HTTP client of this language.
async function blast(port, messages, connections) {
  const statuses = {};
  const began = performance.now();
  await Promise.all(Array.from({ length: connections }, async (_, lane) => {
    const socket = net.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const mine = messages.filter((_, i) => i % connections === lane);
    let answered = 0;
    let text = '';
    let at = 0;
    const more = () => { const until = Math.min(mine.length, answered + 16); while (at < until) { socket.write(mine[at]); at += 1; } };
    await new Promise((resolve, reject) => {
      socket.on('data', (part) => {
        text += part.toString('latin1');
        for (let cut; (cut = text.indexOf('\r\n\r\n')) >= 0;) {
          const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
          if (text.length < cut + 4 + length) break;
          const status = text.slice(9, 12);
          statuses[status] = (statuses[status] ?? 0) + 1;
          text = text.slice(cut + 4 + length);
          answered += 1;
        }
        if (answered === mine.length) resolve(); else more();
      });
      socket.on('error', reject);
      more();
    });
    socket.destroy();
  }));
  return { statuses, seconds: (performance.now() - began) / 1000 };
}

async function signed() {
  const as = await new Transmitter().start();
  const figures = {};
  const keys = { RS256: await as.addKey('RS256', 'rs'), ES256: await as.addKey('ES256', 'es') };
  const daemon = await new Daemon({ introspection: `${as.url}/introspect`, revocation: '' },
    { cache: { memory: '256MiB' }, notify: {}, upstream: as.conf() }).start({ wrap: ['taskset', '-c', '0'] });
  let least = Infinity;
  for (const [alg, key] of Object.entries(keys)) {
    const messages = [];
    for (let i = 0; i < (quick ? 2000 : 10_000); i += 1) {
      const body = await as.sign(as.sessionRevoked(`person-${alg}-${i}`), { key });
      messages.push(`POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/secevent+jwt\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
    const { statuses, seconds } = await blast(daemon.notifyPort, messages, 16);
    if (statuses['202'] !== messages.length) throw new Error(JSON.stringify(statuses));
    figures[`${alg}_per_second`] = Math.round(messages.length / seconds);
    least = Math.min(least, messages.length / seconds);
  }
  report('signed', { ...figures, limit: LIMITS.signed }, least >= LIMITS.signed);
  await daemon.stop();
  as.stop();
}

async function fleet() {
  const directory = temporaryDirectory();
  const socket = path.join(directory, 'redis.sock');
  const redis = run('redis-server', ['--port', '0', '--unixsocket', socket, '--dir', directory, '--save', ''], { log: path.join(directory, 'log') });
  const as = await new Transmitter().start();
  const key_file = secretFile(directory, 'fleet.key', 'a key that all nodes of the fleet have in common');
  const nodes = Array.from({ length: 50 }, () => {
    const node = new Daemon({ introspection: `${as.url}/introspect`, revocation: '' }, { listen: { threads: 1 }, cache: { memory: '8MiB', ttl: '300s' },
      notify: {}, upstream: as.conf(), fleet: { redis: `unix:${socket}`, stream: 'introspectd:events', key_file } });
    node.parts.revocation = { state_dir: path.join(node.directory, 'state') };
    return node;
  });
  for (const node of nodes) await node.start();
  for (const node of nodes) await until(async () => await node.metric('introspectd_fleet_connected') === 1, { what: 'fleet' });
  await pause(2000);
  const lags = [];
  const events = quick ? 20 : 100;
  for (let i = 0; i < events; i += 1) {
    const sub = `person-${i}`;
    const token = as.issue(`token-${i}`, { sub });
    await Promise.all(nodes.map((node) => introspect(node.unix, token)));
    const body = await as.sign(as.sessionRevoked(sub));
    const began = performance.now();
    const reply = await request(nodes[0].notify, { path: '/events', body, headers: { 'content-type': 'application/secevent+jwt' } });
    if (reply.status !== 202) throw new Error(reply.body);
    // Each node is watched by asking it about the token, which a node that has purged answers with false.
    await Promise.all(nodes.map(async (node) => {
      while (!isInactive(await introspect(node.unix, token))) { /* ask again */ }
    }));
    lags.push(performance.now() - began);
    await pause(50);
  }
  report('fleet', { nodes: nodes.length, events, p50_ms: rounded(median(lags)), p99_ms: rounded(quantile(lags, 0.99)), max_ms: rounded(Math.max(...lags)),
    limit_ms: LIMITS.fleet_p99_ms }, quantile(lags, 0.99) < LIMITS.fleet_p99_ms);
  await Promise.all(nodes.map((node) => node.stop()));
  await end(redis);
  as.stop();
}

const all = { storm, million, signed, fleet };
for (const name of parts.length ? parts : Object.keys(all)) {
  if (!all[name]) throw new Error(`no part '${name}' (there are ${Object.keys(all).join(', ')})`);
  await all[name]();
}
process.exit(gate && failures.length ? 1 : 0);
