// What every integration test stands on: programs that cannot outlive the test, a temporary directory, a conf for
// introspectd, and a small HTTP client over Unix sockets and TCP.
import { spawn, execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, readFileSync, existsSync, openSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { after } from 'node:test';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import http from 'node:http';
import path from 'node:path';

function program(variable) {
  if (!process.env[variable]) throw new Error(`the variable ${variable} names the program under test; meson test sets it`);
  return process.env[variable];
}
export const introspectd = program('INTROSPECTD');
export const introspectctl = program('INTROSPECTCTL');
export const demoStory = program('DEMO_STORY');
export const demoAs = program('DEMO_AS');
export const INACTIVE = '{"active":false}';

const here = path.dirname(fileURLToPath(import.meta.url));
const running = new Set();
const directories = new Set();

function tidyUp() {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  directories.clear();
}
after(tidyUp);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => { tidyUp(); process.exit(130); });

export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export function temporaryDirectory() {
  const directory = mkdtempSync('/tmp/introspectd-it-');
  directories.add(directory);
  return directory;
}

export function secretFile(directory, name, secret) {
  const file = path.join(directory, name);
  writeFileSync(file, secret, { mode: 0o600 });
  return file;
}

// The kernel's own choice would be among those that it gives to outgoing connections (ip_local_port_range, from 32768
// on), any of which may have it a moment later.
export async function freePort() {
  for (let tries = 100; ; tries -= 1) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch (error) {
      if (error.code !== 'EADDRINUSE' || tries === 0) throw error;
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

export async function until(condition, { patience = 10000, every = 20, what = 'condition' } = {}) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${patience} ms`);
    await pause(every);
  }
}

// A child that dies with us (PR_SET_PDEATHSIG), its output in a file.
export function run(command, args, { env = {}, log, cwd, stdio } = {}) {
  const output = log ? openSync(log, 'a') : 'ignore';
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args],
    { cwd, env: { ...process.env, ...env }, stdio: stdio ?? ['ignore', output, output] });
  if (log) closeSync(output);
  running.add(child);
  child.ended = new Promise((resolve) => {
    child.on('exit', (code, signal) => { running.delete(child); resolve({ code, signal }); });
    child.on('error', (error) => { running.delete(child); resolve({ code: -1, error }); });
  });
  return child;
}

export async function end(child, signal = 'SIGTERM', patience = 10000) {
  child.kill(signal);
  let timer;
  const tooLate = new Promise((resolve) => { timer = setTimeout(resolve, patience); });
  const result = await Promise.race([child.ended, tooLate]);
  clearTimeout(timer);
  if (result) return result;
  child.kill('SIGKILL');
  throw new Error(`did not end within ${patience} ms of ${signal}`);
}

// The output of a short command; { code, stdout, stderr }.
export async function output(command, args, { input, env, cwd } = {}) {
  const promise = promisify(execFile)(command, args, { env: { ...process.env, ...env }, cwd, maxBuffer: 64 << 20 });
  promise.child.stdin.on('error', () => {});   // a program that does not read its input may be gone by now
  promise.child.stdin.end(input ?? '');
  try {
    return { code: 0, ...await promise };
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    return { code: error.code, stdout: error.stdout, stderr: error.stderr };
  }
}

// ---- HTTP ---------------------------------------------------------------------------------------------------------

export const basic = (id, secret) => {
  const encoded = (text) => new URLSearchParams([['', text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encoded(id)}:${encoded(secret)}`).toString('base64')}`;
};

// to = { socketPath } or { port }; one agent per `to` object unless it brings its own.
export function request(to, { method = 'POST', path: target = '/introspect', form, headers = {}, body, timeout = 20000 } = {}) {
  to.agent ??= new http.Agent({ keepAlive: true, maxSockets: to.connections ?? 64 });
  const content = form ? new URLSearchParams(form).toString() : body;
  const fields = { ...headers };
  if (form) fields['content-type'] = 'application/x-www-form-urlencoded';
  if (content !== undefined) fields['content-length'] = Buffer.byteLength(content);
  if (to.authorization && !('authorization' in headers)) fields.authorization = to.authorization;
  return new Promise((resolve, reject) => {
    const where = to.socketPath ? { socketPath: to.socketPath } : { host: '127.0.0.1', port: to.port };
    const sent = http.request({ ...where, method, path: target, headers: fields, agent: to.agent, timeout }, (reply) => {
      const parts = [];
      reply.on('data', (part) => parts.push(part));
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, body: Buffer.concat(parts).toString() }));
      reply.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error('no reply in time')));
    sent.on('error', reject);
    sent.end(content);
  });
}

export const get = (to, target) => request(to, { method: 'GET', path: target });
export const introspect = (to, token) => request(to, { form: { token } });
export const revoke = (to, token) => request(to, { path: '/revoke', form: { token } });
export const isActive = (reply) => reply.status === 200 && JSON.parse(reply.body).active === true;
export const isInactive = (reply) => reply.status === 200 && reply.body === INACTIVE;

// ---- the authorization server ---------------------------------------------------------------------------------------

export class AuthorizationServer {
  // `backchannel`: where the client `web` is told of logouts; people can log in then.
  constructor({ tls, keepAliveMs, backchannel } = {}) {
    this.tls = tls;
    this.backchannel = backchannel;
    this.keepAliveMs = keepAliveMs;
    this.directory = temporaryDirectory();
  }

  // Starts (again, on the same port); resolves when it listens.
  async start() {
    const log = path.join(this.directory, 'as.log');
    const env = { PORT: String(this.port ?? 0) };
    if (this.tls) Object.assign(env, { TLS_KEY: this.tls.key, TLS_CERT: this.tls.cert });
    if (this.backchannel) env.BACKCHANNEL = this.backchannel;
    if (this.keepAliveMs) env.KEEP_ALIVE_MS = String(this.keepAliveMs);
    writeFileSync(log, '');
    this.child = run(process.execPath, [path.join(here, 'as.mjs')], { env, log });
    const ready = await until(() => {
      if (this.child.exitCode !== null) throw new Error(`the authorization server ended:\n${readFileSync(log)}`);
      return /^ready (\S+)$/m.exec(readFileSync(log, 'utf8'));
    }, { what: 'authorization server' });
    this.url = ready[1];
    this.port = Number(new URL(this.url).port);
    this.control = { port: this.port };
    return this;
  }

  async kill() { await end(this.child, 'SIGKILL'); }
  pauseProcess() { this.child.kill('SIGSTOP'); }
  resumeProcess() { this.child.kill('SIGCONT'); }
  introspectionEndpoint() { return `${this.url}/token/introspection`; }
  revocationEndpoint() { return `${this.url}/token/revocation`; }
  async ask(target) {
    if (this.tls) {
      const { stdout } = await output('curl', ['-sSf', '--cacert', this.tls.ca, `${this.url}${target}`]);
      return stdout;
    }
    const reply = await get(this.control, target);
    if (reply.status !== 200) throw new Error(`${target}: ${reply.status}`);
    return reply.body;
  }
  async mint(n = 1, ttl = 600) { return (await this.ask(`/_mint?n=${n}&ttl=${ttl}`)).trim().split('\n'); }
  async knob(faults) { await this.ask(`/_knob?${new URLSearchParams(faults)}`); }
  async stats() { return JSON.parse(await this.ask('/_stats')); }
  async introspections() { return (await this.stats()).introspections; }
  async last() { return JSON.parse(await this.ask('/_last')); }
}

// ---- the daemon -------------------------------------------------------------------------------------------------------

const toml = (value) => (Array.isArray(value) ? `[${value.map(toml).join(', ')}]` : JSON.stringify(value));
const table = (head, values) => `${head}\n${Object.entries(values).map(([key, value]) => `${key} = ${toml(value)}\n`).join('')}\n`;

export class Daemon {
  // `as` is an AuthorizationServer or { introspection, revocation } URLs; the rest overrides the conf's keys.
  // `notify: {}` opens the notify listener on a free port; `tables` are further ones, such as
  // { 'authorization_server.poll': {…}, '[webhook]': {…} }.
  constructor(as, { listen = {}, admin = {}, cache = {}, upstream = {}, caller = {}, notify, revocation = {}, fleet, tables = {} } = {}) {
    this.directory = temporaryDirectory();
    this.parts = { as, listen, admin, cache, upstream, caller, notify, revocation, fleet, tables };
    this.log = path.join(this.directory, 'introspectd.log');
    this.socketPath = path.join(this.directory, 'introspectd.sock');
    this.adminPath = path.join(this.directory, 'admin.sock');
    this.confPath = path.join(this.directory, 'introspectd.conf');
    this.authorization = basic('orders', 'orders-secret');
    this.unix = { socketPath: this.socketPath };
    this.admin = { socketPath: this.adminPath };
  }

  async writeConf() {
    const { as, listen, admin, cache, upstream, caller, notify, revocation, fleet, tables } = this.parts;
    this.tcpPort ??= await freePort();
    this.adminPort ??= await freePort();
    this.tcp = { port: this.tcpPort, authorization: this.authorization };
    this.adminTcp = { port: this.adminPort };
    const endpoints = as instanceof AuthorizationServer
      ? { introspection: as.introspectionEndpoint(), revocation: as.revocationEndpoint() } : as;
    const secret = upstream.secret ?? 'node-secret';
    const own = { ...upstream };
    delete own.secret;
    if (notify) this.notifyPort ??= await freePort();
    this.notify = { port: this.notifyPort };
    const further = (under) => Object.entries(tables).filter(([name]) => under === name.startsWith('authorization_server.'))
      .map(([name, values]) => table(`[${name}]`, values));
    writeFileSync(this.confPath, [
      table('[listen]', { unix: this.socketPath, tcp: [`127.0.0.1:${this.tcpPort}`], ...listen }),
      table('[admin]', { unix: this.adminPath, tcp: `127.0.0.1:${this.adminPort}`, ...admin }),
      table('[cache]', { ttl: '300s', ...cache }),
      table('[[authorization_server]]', { name: 'main', introspection_endpoint: endpoints.introspection,
        revocation_endpoint: endpoints.revocation, client_id: 'node', client_auth: 'client_secret_basic',
        client_secret_file: secretFile(this.directory, 'as.secret', secret), ...own }),
      ...further(true),
      ...(notify ? [table('[notify]', { tcp: [`127.0.0.1:${this.notifyPort}`], ...notify })] : []),
      ...(Object.keys(revocation).length ? [table('[revocation]', revocation)] : []),
      ...(fleet ? [table('[fleet]', fleet)] : []),
      ...further(false),
      table('[[caller]]', { id: 'orders', secret_file: secretFile(this.directory, 'orders.secret', 'orders-secret'), ...caller }),
    ].join('\n'));
  }

  async start({ env, wrap = [] } = {}) {
    if (!existsSync(this.confPath)) await this.writeConf();
    const [command, ...args] = [...wrap, introspectd, '--config', this.confPath];
    this.child = run(command, args, { log: this.log, env });
    await this.ready();
    return this;
  }

  async ready() {
    await until(async () => {
      if (this.child.exitCode !== null || this.child.signalCode) throw new Error(`introspectd ended:\n${this.logText()}`);
      return (await get(this.admin, '/readyz').catch(() => ({}))).status === 200;
    }, { what: 'introspectd ready' });
  }

  async stop(signal) { return end(this.child, signal); }
  logText() { return existsSync(this.log) ? readFileSync(this.log, 'utf8') : ''; }
  ctl(args, input) { return output(introspectctl, ['--socket', this.adminPath, ...args], { input }); }
  async metrics() { return (await get(this.admin, '/metrics')).body; }
  // One sample, 0 where it is not there: metric('introspectd_flights').
  async metric(sample) {
    const line = (await this.metrics()).split('\n').find((text) => text.startsWith(`${sample} `));
    return line === undefined ? 0 : Number(line.slice(sample.length + 1));
  }
  async status() { return JSON.parse((await get(this.admin, '/status')).body); }
}
