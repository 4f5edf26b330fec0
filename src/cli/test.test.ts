import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SaxesParser } from 'saxes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { POLICY, testText } from '../policy/policy-test/testing.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { testPolicies, watchTests } from './test.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-test-verb-'));
  writeFileSync(join(folder, 'p.yaml'), POLICY);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, ...bodies: string[]): void {
  const texts = bodies.map((body, i) => testText(body).replace('name: test', `name: test ${i + 1}`));
  writeFileSync(join(folder, name), texts.join('---\n'));
}

function streams() {
  const printed = { out: '', err: '' };
  return {
    printed,
    out: (text: string) => {
      printed.out += text.replaceAll(folder, 'DIR');
    },
    err: (text: string) => {
      printed.err += text.replaceAll(folder, 'DIR');
    },
  };
}

function run(options: Partial<Parameters<typeof testPolicies>[2]> = {}, paths: readonly string[] = [folder]) {
  const to = streams();
  const { code } = testPolicies(paths, hostPolicyFiles, { output: 'table', ...options }, to);
  return { code, ...to.printed };
}

/** Elements of a document in their order, each with what tells it apart; throws where the document is not well formed. */
function elementsOf(xml: string): string[] {
  const elements: string[] = [];
  const parser = new SaxesParser();
  parser.on('error', error => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const shown = {
      testsuite: ['name', 'tests', 'failures', 'errors'],
      testcase: ['name'],
      failure: ['type'],
      error: ['type'],
    }[name];
    elements.push(
      [name, ...(shown ?? []).map(key => String(attributes[key]).replaceAll(folder, 'DIR'))].join(' '),
    );
  });
  parser.write(xml).close();
  return elements;
}

const SERIES = 'series: {host.available: 9GiBx9, vm-1.used: 2GiB}';
const PASSING = `${SERIES}\nexpect: [{at: 0s, level: soft}]`;
const FAILING = `${SERIES}
expect:
  - {at: 0s, guest: vm-1, action: shrink, target: {atLeast: 3GiB, atMost: 4GiB}, reason: STEP_LIMITED}
always: [vm-1.target >= 4 * GiB]
never: [{action: shrink}]`;

describe('testPolicies', () => {
  it('says ok for each test that passes, and returns 0', () => {
    write('a.test.yaml', PASSING, PASSING);

    expect(run()).toEqual({
      code: 0,
      out: 'DIR/a.test.yaml\n  ok      test 1\n  ok      test 2\n2 passed, 0 failed\n',
      err: '',
    });
  });

  it('shows what was expected, what was there and the stages that led to it', () => {
    write('a.test.yaml', FAILING);

    const stages = [
      '      stages:',
      '        demand       8GiB -> 2GiB            DEMAND            used 2GiB, kernelBytes 0, usedRate 0',
      '        target       2GiB -> 2.25GiB         TARGET  DIR/p.yaml:14:11',
      '        guarantees   2.25GiB -> 2.25GiB      OK                min 2GiB, max 8GiB, floor 2.19GiB',
      '        budget       2.25GiB -> 2.25GiB      BUDGET_FITS       budget 17GiB, committed 8GiB, free 9GiB',
      '        restraint    2.25GiB -> 2.25GiB      SHRINK            goal 2.25GiB  DIR/p.yaml:11:18',
    ];
    expect(run()).toEqual({
      code: 1,
      err: '',
      out: [
        'DIR/a.test.yaml',
        '  FAILED  test 1',
        '    DIR/a.test.yaml:9:5: at 0s, guest vm-1 (policy all, level soft)',
        '      expected: action shrink, target 3GiB to 4GiB, reason STEP_LIMITED',
        '      got:      action shrink, target 2.25GiB, reason SHRINK',
        ...stages,
        '    DIR/a.test.yaml:10:10: at 0s, guest vm-1 (policy all, level soft)',
        '      always:   vm-1.target >= 4 * GiB',
        '      got:      vm-1.target = 2.25GiB (and so in 9 more ticks)',
        ...stages,
        '    DIR/a.test.yaml:11:9: at 0s, guest vm-1 (policy all, level soft)',
        '      never:    action shrink',
        '      got:      action shrink',
        ...stages,
        '0 passed, 1 failed',
        '',
      ].join('\n'),
    });
  });

  it('gives the bytes where rounding would make expected and got look the same', () => {
    write('a.test.yaml', `${SERIES}\nexpect: [{at: 0s, guest: vm-1, target: 2415919105B}]`);

    expect(run().out).toContain('expected: target 2.25GiB (2415919105B)\n      got:      target 2.25GiB\n');
  });

  it('runs the sound tests of a file with a fault, tells of the fault, and returns 1', () => {
    write('a.test.yaml', PASSING, PASSING.replace('9GiBx9', '9x9'));

    const { code, out, err } = run();

    expect(code).toBe(1);
    expect(out).toBe('DIR/a.test.yaml\n  ok      test 1\n1 passed, 0 failed, 1 error in tests or policies\n');
    expect(err).toContain('DIR/a.test.yaml:16:26: error POLICY_UNIT');
  });

  it('does not pass when there is no test', () => {
    const { code, err } = run();

    expect(code).toBe(1);
    expect(err).toContain('there is no test in DIR');
  });

  it('names the lines of policies that no test reached, when asked', () => {
    write('a.test.yaml', PASSING);

    const { code, out } = run({ coverage: true });

    expect(code).toBe(0);
    expect(out).toContain(
      "  DIR/p.yaml:17:44: behavior.shrink.step.min of policy 'all' never limited anything\n",
    );
  });

  it('gives programs the same as JSON', () => {
    write('a.test.yaml', FAILING, PASSING);

    const report: unknown = JSON.parse(run({ output: 'json', coverage: true }).out);

    expect(report).toMatchObject({
      apiVersion: 'ballonet/v1',
      kind: 'PolicyTestReport',
      ok: false,
      passed: 1,
      failed: 1,
      tests: [
        {
          name: 'test 1',
          source: { file: 'DIR/a.test.yaml', line: 3, column: 18 },
          ok: false,
          ticks: 10,
          failures: [
            {
              kind: 'expect',
              at: 0,
              guest: 'vm-1',
              expected: { reason: 'STEP_LIMITED' },
              got: { reason: 'SHRINK' },
            },
            { kind: 'always', more: 9 },
            { kind: 'never' },
          ],
        },
        { name: 'test 2', ok: true, failures: [] },
      ],
      coverage: {
        missed: [
          { file: 'DIR/p.yaml', line: 17, column: 14 },
          { line: 17, column: 44 },
        ],
      },
    });
  });

  it('writes a JUnit file that an XML parser takes, with failures and refused tests in it', () => {
    write('a.test.yaml', FAILING.replace('4 * GiB', '4 * GiB && vm-1.name != "<&\u001b>"'), PASSING);
    write('b.test.yaml', PASSING.replace('9GiBx9', '9x9'));
    const file = join(folder, 'junit.xml');

    run({ junit: file });

    const xml = readFileSync(file, 'utf8');
    expect(elementsOf(xml)).toEqual([
      'testsuites',
      'testsuite DIR/a.test.yaml 2 1 0',
      'testcase test 1',
      'failure expect',
      'testcase test 2',
      'testsuite DIR/b.test.yaml 1 0 1',
      'testcase is valid',
      'error POLICY_UNIT',
    ]);
    expect(xml).toContain('&lt;&amp;');
    expect(xml).not.toContain('\u001b');
  });

  it('says so when the JUnit file cannot be written', () => {
    write('a.test.yaml', PASSING);

    expect(() => run({ junit: join(folder, 'none/junit.xml') })).toThrow(
      expect.objectContaining({ code: 'REPORT_UNWRITABLE' }),
    );
  });

  it('keeps escape sequences of a file from the terminal', () => {
    write('a.test.yaml', `always: ['vm-1.name == "\u009b2J"']`);

    expect(run().out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('watchTests', () => {
  it('runs again when a policy changes, until it is told to stop', async () => {
    write('a.test.yaml', PASSING);
    const to = streams();
    const controller = new AbortController();
    const runs = () => to.printed.out.split('\n').filter(line => / passed, /.test(line));
    const waitFor = async (count: number): Promise<void> => {
      while (runs().length < count) await new Promise(resolve => setTimeout(resolve, 10));
    };

    const watching = watchTests([folder], hostPolicyFiles, { output: 'table' }, to, controller.signal);
    await waitFor(1);
    writeFileSync(join(folder, 'p.yaml'), POLICY.replace('< 0.2', '< 0.1'));
    await waitFor(2);
    writeFileSync(join(folder, 'p.yaml'), POLICY);
    await waitFor(3);
    controller.abort();
    await watching;

    expect(runs()).toEqual(['1 passed, 0 failed', '0 passed, 1 failed', '1 passed, 0 failed']);
  }, 20_000);
});
