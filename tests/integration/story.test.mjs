// `./dev run`: the story comes out right, and whoever ends it, nothing is left behind.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { demoAs, demoStory, end, introspectd, output, run, temporaryDirectory, until } from './stage.mjs';

const programs = ['--daemon', introspectd, '--demo-as', demoAs, '--integration-dir', path.dirname(fileURLToPath(import.meta.url))];

// All processes below this one, by their parents as /proc tells them.
function descendants(ancestor) {
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(Number(pid), Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]));
    } catch { /* it ended meanwhile */ }
  }
  const isBelow = (pid) => { for (let at = parents.get(pid); at; at = parents.get(at)) if (at === ancestor) return true; return false; };
  return [...parents.keys()].filter(isBelow);
}

const gone = (pids) => until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), { what: `processes ${pids} to end` });

for (const as of ['demo', 'oidc-provider']) {
  test(`the story with ${as}: every step comes out right`, async () => {
    const told = await output(demoStory, [...programs, '--as', as, '--once']);
    assert.equal(told.code, 0, told.stdout + told.stderr);
    assert.match(told.stdout, /Every step came out right\./);
    assert.ok(!told.stdout.includes('WRONG'));
    assert.ok((told.stdout.match(/\bok\b/g) ?? []).length >= 11);
    const directory = /(\/tmp\/introspectd-\w+)\/introspectd\.sock/.exec(told.stdout)[1];
    assert.ok(!existsSync(directory), 'its files are gone');
  });
}

async function startStory() {
  const log = path.join(temporaryDirectory(), 'story.log');
  const child = run(demoStory, programs, { log });
  const text = () => readFileSync(log, 'utf8');
  const told = (pattern) => until(() => pattern.exec(text()), { what: `the story to say ${pattern}`, patience: 60000 });
  const [, directory] = await told(/(\/tmp\/introspectd-\w+)\/introspectd\.sock/);
  return { child, text, told, directory };
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  test(`${signal} while it stays up: programs ended and reaped, files and sockets gone`, async () => {
    const { child, told, directory, text } = await startStory();
    await told(/curl .*\/metrics/);
    const programsBelow = descendants(child.pid);
    assert.ok(programsBelow.length >= 2);
    assert.equal((await end(child, signal)).code, 0, text());
    await gone(programsBelow);
    assert.ok(!existsSync(directory));
  });
}

test('the curl lines it prints work', async () => {
  const { child, told, text } = await startStory();
  await told(/curl .*\/metrics/);
  const lines = text().split('\n').map((line) => line.trim()).filter((line) => /^(T=|curl )/.test(line));
  assert.ok(lines.length >= 6);
  const script = lines.map((line) => (line.startsWith('T=') ? line : line.replace(/^curl /, 'curl -sS -f -w "\\n%{http_code}\\n" '))).join('\n');
  const result = await output('sh', ['-e', '-c', script]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal((result.stdout.match(/^200$/gm) ?? []).length, lines.length - 1, result.stdout);
  await end(child);
});

test('Ctrl-C in the middle of the story leaves nothing either', async () => {
  const { child, told, directory } = await startStory();
  await told(/A miss/);
  const programsBelow = descendants(child.pid);
  assert.ok([0, 1].includes((await end(child, 'SIGINT')).code), '1 in the middle; 0 if the story was over by then');
  await gone(programsBelow);
  assert.ok(!existsSync(directory));
});

test('even SIGKILL leaves no program running', async () => {
  const { child, told, directory } = await startStory();
  await told(/curl .*\/metrics/);
  const programsBelow = descendants(child.pid);
  await end(child, 'SIGKILL');
  await gone(programsBelow);
  rmSync(directory, { recursive: true });   // nobody was left to do it
});
