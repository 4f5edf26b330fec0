import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import { type Compilation, compilePolicies } from './compile.ts';
import type { Scope } from './expression/expression.ts';
import { requirePolicySet } from './load.ts';
import type { GuestPolicy, PolicySet } from './policy-set.ts';

function host(spec = '{}', name = 'host'): string {
  return `apiVersion: ballonet/v1\nkind: HostPolicy\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

function guest(spec = '{match: {}}', name = 'guest'): string {
  return `apiVersion: ballonet/v1\nkind: GuestPolicy\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

function compile(...files: string[]): Compilation {
  return compilePolicies(files.map((content, index) => ({ file: `${index + 1}.yaml`, content })));
}

function setOf(...files: string[]): PolicySet {
  return requirePolicySet(compile(...files));
}

function onlyGuest({ guests }: PolicySet): GuestPolicy {
  const [policy] = guests;
  if (policy === undefined || guests.length > 1) throw new Error(`${guests.length} guest policies`);
  return policy;
}

function codesOf(...files: string[]): string[] {
  return compile(...files).diagnostics.map(({ file, code }) => `${file} ${code}`);
}

const SOFT = host('{pressure: [{name: soft, when: host.available_ratio < 0.2}]}');

describe('a host policy that says nothing', () => {
  const { host: policy } = setOf(host());

  it('observes, keeps a reserve, and knows no pressure', () => {
    expect(policy).toMatchObject({
      name: 'host',
      mode: 'observe',
      intervalSeconds: 1,
      memory: { kind: 'auto' },
      reserve: { bytes: GiB, ratio: 0.06, select: 'max' },
      staleAfterSeconds: 10,
      pressure: [],
      onExit: 'hold',
      source: { file: '1.yaml', line: 3, column: 18 },
    });
  });

  it('waits longer for stale statistics when the interval is long', () => {
    expect(setOf(host('{interval: 10s}')).host.staleAfterSeconds).toBe(22);
  });
});

describe('the reserve of a host policy', () => {
  it('is the amount that is given, whatever select says, when the other is not given', () => {
    expect(setOf(host('{reserve: {bytes: 2GiB, select: min}}')).host.reserve).toEqual({
      bytes: 2 * GiB,
      ratio: 0,
      select: 'max',
    });
    expect(setOf(host('{reserve: {percent: 5, select: min}}')).host.reserve).toEqual({
      bytes: 0,
      ratio: 0.05,
      select: 'max',
    });
    expect(setOf(host('{reserve: {bytes: 2GiB, percent: 5, select: min}}')).host.reserve.select).toBe('min');
  });
});

describe('a guest policy that says nothing', () => {
  const policy = onlyGuest(setOf(SOFT, guest()));
  const scope: Scope = {
    host: { guests: 1, psi: { some: {}, full: {} } },
    guest: { name: 'g', uuid: 'u', demand: 4 * GiB },
    guarantees: { min: GiB, max: 8 * GiB, reserve: 256 * MiB },
  };

  it('guarantees a quarter and the reserve, shrinks slowly and only under pressure, grows at once and always', () => {
    expect(policy).toMatchObject({
      precedence: 100,
      guarantees: { min: { ratio: 0.25 }, max: { ratio: 1 }, reserve: 256 * MiB },
      estimate: { windowSeconds: 600, quantile: 0.95, growthSeconds: 2 },
      variables: [],
      priority: 100,
      shares: 100,
      idleTax: 0.75,
      tolerance: { ratio: 0.02, bytes: 16 * MiB },
      shrink: { stepMax: { ratio: 0.1 }, stepMin: 32 * MiB, cooldownSeconds: 15 },
      grow: { stepMax: { ratio: 1 }, stepMin: 0, cooldownSeconds: 0 },
    });
    expect([...policy.shrink.at]).toEqual(['soft']);
    expect([...policy.grow.at]).toEqual(['none', 'soft']);
  });

  it('aims at demand and headroom', () => {
    expect(policy.target.evaluate(scope)).toBe(4 * GiB + 4 * GiB * 0.15);
    expect(policy.target.source).toEqual({ file: '2.yaml', line: 4, column: 1 });
  });
});

describe('compilePolicies', () => {
  it('layers what a guest policy says over the defaults of the host policy', () => {
    const defaults = host('{defaults: {priority: 7, shares: 9}}');

    expect(onlyGuest(setOf(defaults, guest()))).toMatchObject({ priority: 7, shares: 9 });
    expect(onlyGuest(setOf(defaults, guest('{match: {}, priority: 0}')))).toMatchObject({
      priority: 0,
      shares: 9,
    });
  });

  it('keeps the texts of the set, which give the same set again', () => {
    const set = setOf(host(), `${guest()} # \u00e9`);
    const texts = set.texts ?? [];
    expect(texts.map(({ text }) => text)).toEqual([host(), `${guest()} # \u00e9`]);
    const again = requirePolicySet(
      compilePolicies(texts.map(({ file, text }) => ({ file, content: Buffer.from(text) }))),
    );
    expect(JSON.stringify(again)).toBe(JSON.stringify(set));
  });

  it('puts the highest precedence first, and equals in the order of the files', () => {
    const { guests } = setOf(
      host(),
      guest('{match: {name: [a]}}', 'one'),
      guest('{match: {name: [b]}, precedence: 300}', 'two'),
      guest('{match: {name: [c]}}', 'three'),
    );

    expect(guests.map(({ name }) => name)).toEqual(['two', 'one', 'three']);
  });

  it('lets variables see the ones above them', () => {
    const variables = '[{name: a, expression: guest.max / 4}, {name: b, expression: vars.a * 2}]';
    const policy = onlyGuest(
      setOf(host(), guest(`{match: {}, variables: ${variables}, target: vars.a + vars.b}`)),
    );
    const vars: Record<string, number> = {};
    const scope: Scope = {
      host: { guests: 1, psi: { some: {}, full: {} } },
      guest: { name: 'g', uuid: 'u', max: 8 },
      vars,
    };

    for (const { name, expression } of policy.variables) {
      const value = expression.evaluate(scope);
      if (typeof value === 'number') vars[name] = value;
    }

    expect(vars).toEqual({ a: 2, b: 4 });
    expect(policy.target.evaluate(scope)).toBe(6);
  });

  it('says why a guest is not matched', () => {
    const policy = onlyGuest(setOf(host(), guest('{match: {name: [web-*]}, exclude: {name: [web-9]}}')));

    expect(policy.mismatch({ name: 'web-1' })).toBeUndefined();
    expect(policy.mismatch({ name: 'db' })).toBe('match.name');
    expect(policy.mismatch({ name: 'web-9' })).toBe('exclude.name');
  });

  it('gives every fault of every file, in the order of reading, and no set', () => {
    const { set, diagnostics } = compile(
      host('{interval: 5, mod: x, pressure: [{name: soft, when: 1.0}]}'),
      guest('{match: {name: ["a{b}"]}, target: guest.usd, behavior: {grow: {at: []}}}'),
      'x: "\n',
    );

    expect(set).toBeUndefined();
    expect(diagnostics.map(({ file, code }) => `${file} ${code}`)).toEqual([
      '1.yaml POLICY_UNIT',
      '1.yaml POLICY_UNKNOWN_FIELD',
      '2.yaml POLICY_GLOB',
      '2.yaml POLICY_EXPRESSION_NAME',
      '3.yaml POLICY_YAML',
    ]);
  });

  it('wants one host policy in the set, in whichever file', () => {
    expect(codesOf(guest(), host())).toEqual([]);
    expect(codesOf(guest())).toEqual(['1.yaml POLICY_HOST_COUNT']);
    expect(codesOf()).toEqual(['policies POLICY_HOST_COUNT']);
    expect(codesOf(host(), host('{}', 'b'), host('{}', 'c'))).toEqual([
      '2.yaml POLICY_HOST_COUNT',
      '3.yaml POLICY_HOST_COUNT',
    ]);
    expect(compile(host(), host('{}', 'b')).diagnostics[0]?.message).toContain('1.yaml:2, 2.yaml:2');
  });

  it('does not miss a host policy that stands in a file with a fault', () => {
    expect(codesOf(guest(), `${host()}x: "\n`)).toEqual(['2.yaml POLICY_YAML']);
  });

  it('does not report levels as unknown when the host policy that has them is at fault', () => {
    const faulty = host('{intervall: 1s, pressure: [{name: soft, when: true}]}');

    expect(codesOf(faulty, guest('{match: {}, behavior: {shrink: {at: [soft]}}}'))).toEqual([
      '1.yaml POLICY_UNKNOWN_FIELD',
    ]);
  });

  it('wants names unique in a kind, not across kinds', () => {
    expect(codesOf(host('{}', 'same'), guest('{match: {}}', 'same'))).toEqual([]);
    expect(codesOf(host(), guest('{match: {name: [a]}}'), guest('{match: {name: [b]}}'))).toEqual([
      '3.yaml POLICY_DUPLICATE',
    ]);
  });

  it('names both places of an overlap', () => {
    const { diagnostics } = compile(
      host(),
      guest('{match: {name: [a*]}}', 'one'),
      guest('{match: {name: ["*b"]}}', 'two'),
    );

    expect(diagnostics).toMatchObject([{ code: 'POLICY_PRECEDENCE', file: '3.yaml', line: 3 }]);
    expect(diagnostics[0]?.message).toContain('2.yaml:3');
  });

  it('gives up on globs that would take too long to compare, and refuses the set', () => {
    const globs = (seed: string) =>
      JSON.stringify(Array.from({ length: 64 }, (_, i) => `${'*a?b'.repeat(40)}${i}${seed}`));
    const files = ['x', 'y', 'z', 'w'].map(seed => guest(`{match: {name: ${globs(seed)}}}`, seed));

    expect(codesOf(host(), ...files)).toContain('3.yaml POLICY_LIMIT');
  }, 30_000);
});

describe('a value of the wrong form', () => {
  it.each([
    ['{match: {name: [100]}}', /quotes/],
    ['{match: {name: [on-1, true]}}', /quotes/],
    ['{match: {name: web-1}}', /\['web-1'\]/],
    ['{match: {}, cold: 512MiB}', /swap, at, step, refault, rest/],
    ['{match: {}, cold: {}}', /swap: 25%/],
  ])('%s is refused with the form that is meant', (spec, form) => {
    const { diagnostics } = compile(host(), guest(spec));
    expect(diagnostics.map(({ hint }) => hint)).toEqual([expect.stringMatching(form)]);
  });
});

describe('a document of another version of the language', () => {
  const hintFor = (version: string) => {
    const { set, diagnostics } = compile(host().replace('ballonet/v1', version));
    expect(set).toBeUndefined();
    expect(diagnostics[0]).toMatchObject({ code: 'POLICY_KIND', file: '1.yaml', line: 1, column: 13 });
    return diagnostics[0]?.hint;
  };

  it('is refused with what to do: one for a newer, one for an older version, one for something else', () => {
    const hints = ['ballonet/v2', 'ballonet/v0', 'ballonet/v0beta1', 'v1'].map(hintFor);
    expect(hints).not.toContain(undefined);
    expect(hints[1]).toBe(hints[2]);
    expect(new Set(hints).size).toBe(3);
  });
});
