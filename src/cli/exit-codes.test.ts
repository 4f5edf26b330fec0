/** The exit codes that the contract of the command line gives its verbs, each verb into each of them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import buildWhenStale from '../../test/build.ts';
import { type ApiBench, apiBench } from '../../test/fakes/api-bench.ts';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import { exitCodeOf } from './exit.ts';
import { program } from './program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BALLONET = join(ROOT, 'bin/ballonet');
const STANDARD = join(ROOT, 'policies/standard.yaml');
const SHORT = join(ROOT, 'test/fixtures/scenarios/short.yaml');
const GUEST = sampleOf({ name: 'web-1' });
const GONE = ['-c', 'qemu+unix:///system?socket=/nonexistent'];
const FILES = {
  warned: `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec: {reserve: {bytes: 1GiB}}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: without-veto}
spec: {match: {}, behavior: {shrink: {at: [none]}}}
`,
  wrong: 'apiVersion: ballonet/v1\nkind: HostPolicy\nmetadata: {name: host}\nspec: {intervall: 1s}\n',
  'passing.test': testOf('vm-1.current > 1 * MiB'),
  'failing.test': testOf('vm-1.current < 1 * MiB'),
} as const;

function testOf(always: string): string {
  return `apiVersion: ballonet/v1
kind: PolicyTest
metadata: {name: test}
policies: [${STANDARD}]
host: {memory: 64GiB}
guests: [{name: vm-1, max: 8GiB}]
always: ["${always}"]
`;
}

let folder: string;
let daemon: ApiBench;

beforeAll(async () => {
  buildWhenStale();
  folder = mkdtempSync(join(tmpdir(), 'ballonet-exit-'));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, `${name}.yaml`), text);
  daemon = await apiBench();
  const decision = decisionOf({ name: GUEST.name, action: 'hold', reason: 'OK' });
  daemon.history.noteEngine(tickEventOf([GUEST], [decision]));
  daemon.history.noteNotice({ type: 'GUEST_HELD', domain: GUEST.name, fields: { reason: 'STATS_STALE' } });
}, 60_000);

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `FOLDER` in a word is the test's own, `DAEMON` the socket. */
function placed(words: readonly string[]): string[] {
  return words.map(word => word.replace('FOLDER', folder).replace('DAEMON', daemon.socket));
}

/** What a verb has set. */
const exitCode = (): number => Number(process.exitCode ?? 0);

/** Runs a verb in this process, as src/main.ts does. */
async function run(words: readonly string[]): Promise<Ended> {
  let [out, err] = ['', ''];
  const streams = {
    out(text: string) {
      out += text;
    },
    err(text: string) {
      err += text;
    },
  };
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await program(streams, '1.2.3').parseAsync(['node', 'ballonet', ...placed(words)]);
    return { code: exitCode(), out, err };
  } catch (error) {
    return { code: exitCodeOf(error, streams), out, err };
  } finally {
    process.exitCode = before;
  }
}

const VERBS = program({ out() {}, err() {} }, '1.2.3').commands.map(command => command.name());
const ASKING = ['status', 'list', 'describe X', 'explain X', 'decisions', 'events', 'reload', 'top -b -n 1'];
const TELLING = ['pause X --reason why', 'resume X'];
const DIRECT = ['dommemstat X', 'setmem X 512MiB', 'domstats X', 'release X --direct'];
const words = (text: string) => text.split(' ');

describe('the command line', { timeout: 60_000 }, () => {
  it.each(VERBS)('%s ends with 0 after its help, and with 2 for what it does not know', async verb => {
    expect((await run([verb, '--help'])).code).toBe(0);
    expect(await run([verb, '--nonsense'])).toMatchObject({ code: 2, out: '' });
  });

  it.each([...ASKING, ...TELLING])('%s ends with 4 without a daemon', async text => {
    const ended = await run([...words(text), '--socket', 'FOLDER/nobody']);
    expect(ended).toMatchObject({ code: 4, out: '' });
    expect(ended.err).toMatch(/^ballonet: .*\n$/s);
  });

  it.each(ASKING.filter(text => !text.startsWith('explain')))(
    '%s ends with 0 where a daemon answers',
    async text => {
      const asked = words(text.replace('X', GUEST.name));
      expect((await run([...asked, '--socket', 'DAEMON'])).code).toBe(0);
    },
  );

  it.each([...DIRECT, 'record --for 1s --out FOLDER/x'])(
    '%s ends with 4 without a hypervisor',
    async text => {
      expect(await run([...GONE, ...words(text)])).toMatchObject({ code: 4, out: '' });
    },
  );

  it.each([
    ...DIRECT.map(text => `-c sim:///overcommitted ${text}`),
    ...['describe X', 'explain X', ...TELLING].map(text => `${text} --socket DAEMON`),
  ])('%s ends with 5: there is no such guest', async text => {
    expect(await run(words(text))).toMatchObject({ code: 5, out: '' });
  });

  it.each<[number, string]>([
    [0, `check ${STANDARD}`],
    [1, 'check FOLDER/wrong.yaml'],
    [0, 'check FOLDER/warned.yaml'],
    [3, 'check --lint-fatal FOLDER/warned.yaml'],
    [1, 'check --lint-fatal FOLDER/warned.yaml FOLDER/wrong.yaml'],
    [1, 'check FOLDER/nothing.yaml'],
    [0, 'test FOLDER/passing.test.yaml'],
    [1, 'test FOLDER/failing.test.yaml'],
    [1, 'test FOLDER/nothing.yaml'],
    [0, 'schema HostPolicy'],
    [2, 'schema Nonsense'],
    [0, 'completion bash'],
    [2, 'completion tcsh'],
    [2, 'simulate nothing --baseline mom'],
    [2, `simulate ${SHORT}`],
    [1, 'simulate FOLDER/wrong.yaml --baseline mom'],
    [2, `simulate ${SHORT} --seed many`],
    [2, 'serve nothing --socket FOLDER/sock'],
    [2, 'serve overcommitted'],
    [1, `replay FOLDER/nothing --policy ${STANDARD}`],
    [78, 'run --policy FOLDER/wrong.yaml'],
    [78, 'run --policy FOLDER/nothing.yaml'],
    [78, 'run --config FOLDER/wrong.yaml'],
    [2, 'run'],
    [2, `run --policy ${STANDARD} --listen nowhere`],
    [2, '-c nonsense domstats'],
    [2, 'frobnicate'],
    [2, 'events --type GUEST_HOLD'],
    [2, 'decisions --reason COLDOWN'],
    [0, 'events --type GUEST_HELD --socket DAEMON'],
    [0, 'decisions --reason COOLDOWN --socket DAEMON'],
    [0, '-c sim:///overcommitted domstats'],
    [1, '-c sim:///overcommitted setmem web-1 999GiB'],
    [2, '-c sim:///overcommitted setmem web-1 512'],
    [78, 'release --config FOLDER/wrong.yaml'],
  ])('ends with %d after %s', async (code, text) => {
    const ended = await run(words(text));
    expect(ended.code).toBe(code);
    if (code !== 0) expect(ended.out + ended.err).not.toBe('');
  });

  // Those that need threads of their own, or are told to end.
  it.concurrent.each<[number, string, NodeJS.Signals?]>([
    [0, `simulate ${SHORT} --policy ${STANDARD}`],
    [78, `simulate ${SHORT} --policy FOLDER/wrong.yaml`],
    [130, 'events --follow --socket DAEMON', 'SIGINT'],
    [0, 'events --follow --socket DAEMON', 'SIGTERM'],
  ])('ends with %d after %s %s', async (code, text, signal) => {
    const child = spawn(process.execPath, [BALLONET, ...placed(words(text))], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (signal !== undefined)
      once(child.stdout, 'data').then(
        () => child.kill(signal),
        () => {},
      );
    const [ended] = await once(child, 'close');
    expect(ended).toBe(code);
  });

  it.skipIf(!existsSync('/dev/full'))('ends with 1 and one line when what it prints finds no room', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [BALLONET, 'schema'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^ballonet: standard output .*ENOSPC.*\n$/);
  });

  it.skipIf(!existsSync('/dev/full'))('does what it was asked for where its messages find no room', () => {
    const full = openSync('/dev/full', 'w');
    const asked = [BALLONET, 'check', join(folder, 'warned.yaml')];
    const { status } = spawnSync(process.execPath, asked, { stdio: ['ignore', 'ignore', full] });
    closeSync(full);
    expect(status).toBe(0);
  });
});
