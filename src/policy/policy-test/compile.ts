/** A PolicyTest document as the runner takes it, or everything that is wrong with it. */
import { REASONS, type ReasonCode, type SourceRef } from '../../model/decision.ts';
import { formatDuration, type Seconds } from '../../model/units.ts';
import { LEVEL_NONE, type PolicySet } from '../policy-set.ts';
import { DECISIONS_MAX, PolicyTestDocument, TICKS_MAX } from '../schema/policy-test.ts';
import { validateDocument } from '../schema/validate.ts';
import { type Diagnostic, errorAt, type Place } from '../source/diagnostics.ts';
import type { SourceDocument } from '../source/documents.ts';
import { type Path, scalarText, valuePlace } from '../source/locate.ts';
import { nearest, suggestion } from '../source/suggest.ts';
import { type Compiling, checkGuests, compileSeries, type ParsedTest, reject } from './compile-world.ts';
import { type Condition, compileCondition } from './conditions.ts';
import type { Expectation, Never, PolicyTest, TestGuest, Wanted } from './policy-test.ts';
import { tickAt } from './run.ts';
import type { Series } from './series.ts';

/** What became of the policies of a test. */
export interface LoadedPolicies {
  /** Undefined when the set is refused; why is among the diagnostics. */
  readonly set: PolicySet | undefined;
  readonly files: readonly string[];
  /** Why a path that the test names could not be read, by its index. */
  readonly unreadable: ReadonlyMap<number, string>;
}

/** Loads the policy set of a test, by its paths as written. */
export type LoadPolicies = (paths: readonly string[]) => LoadedPolicies;

/** The test of a document; undefined when something is wrong with it or its policies. */
export function compilePolicyTest(
  document: SourceDocument,
  load: LoadPolicies,
  diagnostics: Diagnostic[],
): PolicyTest | undefined {
  const validated = validateDocument(document, PolicyTestDocument);
  if ('diagnostics' in validated) {
    diagnostics.push(...validated.diagnostics);
    return undefined;
  }
  const compiling: Compiling = { document, diagnostics };
  const before = diagnostics.length;
  const { value } = validated;
  const loaded = load(value.policies);
  for (const [index, message] of loaded.unreadable) {
    reject(compiling, ['policies', index], 'POLICY_UNREADABLE', message);
  }
  const names = value.guests.map(({ name }) => name);
  checkGuests(compiling, value);
  const series = compileSeries(compiling, names);
  if (value.host.others !== undefined && series.host.has('available')) {
    const message = 'host.others says what is available, and so does the series host.available';
    reject(compiling, ['host', 'others'], 'POLICY_RANGE', message, 'leave one of them out');
  }
  const context = { compiling, names, policies: loaded.set };
  const expectations = value.expect.map((entry, index) => compileExpectation(context, entry, index));
  const never = value.never.map((entry, index) => compileNever(context, entry, index));
  const always = value.always.flatMap((_, index) => compileAlways(context, index) ?? []);
  checkPurpose(compiling, value);
  const interval = value.interval ?? loaded.set?.host.intervalSeconds ?? 1;
  const ticks = countTicks(compiling, value, interval, [
    ...series.host.values(),
    ...series.guests.flatMap(own => [...own.values()]),
  ]);
  if (loaded.set === undefined || ticks === undefined || diagnostics.length > before) return undefined;
  return {
    name: value.metadata.name,
    source: refOf(valuePlace(document, ['metadata', 'name'])),
    policies: loaded.set,
    policyFiles: loaded.files,
    start: Date.parse(value.start) / 1000,
    interval,
    ticks,
    host: { memory: value.host.memory, others: value.host.others ?? 0, series: series.host },
    guests: value.guests.map((guest, index) => toGuest(guest, index, series.guests[index] ?? new Map())),
    expectations,
    always,
    never,
  };
}

function refOf({ file, line, column }: Place): SourceRef {
  return { file, line, column };
}

function toGuest(
  { name, uuid, title, tags, os, max, current }: ParsedTest['guests'][number],
  index: number,
  series: TestGuest['series'],
): TestGuest {
  const made = `00000000-0000-4000-8000-${String(index + 1).padStart(12, '0')}`;
  return { name, uuid: uuid?.toLowerCase() ?? made, title, tags, os, max, current: current ?? max, series };
}

interface Context {
  readonly compiling: Compiling;
  readonly names: readonly string[];
  /** Undefined when the policies are refused: what is named of them then goes unchecked. */
  readonly policies: PolicySet | undefined;
}

function compileExpectation(
  context: Context,
  entry: ParsedTest['expect'][number],
  index: number,
): Expectation {
  const path = ['expect', index];
  const { at, within = 0, level, guest, policy, action, target, reason } = entry;
  const ofGuest = { policy, action, target, reason };
  const first = Object.entries(ofGuest).find(([, value]) => value !== undefined)?.[0];
  if (guest === undefined && first !== undefined) {
    const message = `expect[${index}] has '${first}' but no guest that it is about`;
    reject(context.compiling, [...path, first], 'POLICY_MISSING', message, 'add guest: NAME');
  } else if (level === undefined && first === undefined) {
    const message = `expect[${index}] expects nothing`;
    reject(
      context.compiling,
      path,
      'POLICY_MISSING',
      message,
      'add level, or guest with action, target, reason or policy',
    );
  }
  checkPolicyName(context, [...path, 'policy'], policy);
  const range = typeof target === 'number' ? { atLeast: target, atMost: target } : target;
  if (range !== undefined) checkRange(context, [...path, 'target'], range);
  return {
    source: refOf(valuePlace(context.compiling.document, path)),
    at,
    within,
    guest: guestIndex(context, path, guest),
    wanted: {
      ...(policy === undefined ? {} : { policy }),
      ...(range === undefined ? {} : { target: dropAbsent(range) }),
      ...wantedOf(context, path, { level, action, reason }),
    },
  };
}

type Range = { readonly atLeast?: number | undefined; readonly atMost?: number | undefined };

function dropAbsent({ atLeast, atMost }: Range) {
  return { ...(atLeast === undefined ? {} : { atLeast }), ...(atMost === undefined ? {} : { atMost }) };
}

function checkRange({ compiling }: Context, path: Path, { atLeast, atMost }: Range): void {
  if (atLeast === undefined && atMost === undefined) {
    reject(compiling, path, 'POLICY_MISSING', 'the target has neither atLeast nor atMost');
  } else if (atLeast !== undefined && atMost !== undefined && atLeast > atMost) {
    reject(compiling, [...path, 'atLeast'], 'POLICY_RANGE', 'atLeast is above atMost: no size is both');
  }
}

function compileNever(context: Context, entry: ParsedTest['never'][number], index: number): Never {
  const path = ['never', index];
  const { guest, level, action, reason } = entry;
  if (level === undefined && action === undefined && reason === undefined) {
    const message = `never[${index}] does not say what must not be`;
    reject(context.compiling, path, 'POLICY_MISSING', message, 'add action, reason or level');
  }
  return {
    source: refOf(valuePlace(context.compiling.document, path)),
    guest: guestIndex(context, path, guest),
    unwanted: wantedOf(context, path, { level, action, reason }),
  };
}

function guestIndex(
  { compiling, names }: Context,
  path: Path,
  guest: string | undefined,
): number | undefined {
  if (guest === undefined) return undefined;
  const index = names.indexOf(guest);
  if (index >= 0) return index;
  const hint = suggestion(guest, names, 'its guests');
  reject(compiling, [...path, 'guest'], 'POLICY_RANGE', `there is no guest '${guest}' in this test`, hint);
  return undefined;
}

interface Named {
  readonly level: string | undefined;
  readonly action: Wanted['action'] | undefined;
  readonly reason: string | undefined;
}

function wantedOf({ compiling, policies }: Context, path: Path, { level, action, reason }: Named): Wanted {
  const levels = policies && [LEVEL_NONE, ...policies.host.pressure.map(({ name }) => name)];
  if (level !== undefined && levels?.includes(level) === false) {
    const message = `the host policy has no pressure level '${level}'`;
    reject(compiling, [...path, 'level'], 'POLICY_LEVEL', message, suggestion(level, levels, 'its levels'));
  }
  const known = reason === undefined || isReason(reason) ? reason : undefined;
  if (reason !== known) {
    const near = nearest(reason ?? '', Object.keys(REASONS));
    const hint = near === undefined ? 'docs/reference/reasons.md lists them' : `did you mean '${near}'?`;
    reject(compiling, [...path, 'reason'], 'POLICY_RANGE', `there is no reason code '${reason}'`, hint);
  }
  return {
    ...(level === undefined ? {} : { level }),
    ...(action === undefined ? {} : { action }),
    ...(known === undefined ? {} : { reason: known }),
  };
}

function isReason(text: string): text is ReasonCode {
  return Object.hasOwn(REASONS, text);
}

function checkPolicyName({ compiling, policies }: Context, path: Path, policy: string | undefined): void {
  const names = policies?.guests.map(({ name }) => name);
  if (policy === undefined || names === undefined || names.includes(policy)) return;
  const message = `there is no guest policy '${policy}' in this set`;
  reject(compiling, path, 'POLICY_RANGE', message, suggestion(policy, names, 'its guest policies'));
}

function compileAlways(
  { compiling: { document, diagnostics }, names, policies }: Context,
  index: number,
): Condition | undefined {
  const path = ['always', index];
  const scalar = scalarText(document, path);
  const whole = valuePlace(document, path);
  const variables = policies?.guests.flatMap(guest => guest.variables.map(({ name }) => name));
  const compiled = compileCondition(scalar?.text ?? '', names, refOf(whole), variables);
  if ('condition' in compiled) return compiled.condition;
  for (const { code, message, hint, start, end } of compiled.problems) {
    diagnostics.push(errorAt(scalar?.place(start, end) ?? whole, code, message, { hint }));
  }
  return undefined;
}

/** A test that cannot fail is none. */
function checkPurpose(compiling: Compiling, { expect, always, never }: ParsedTest): void {
  if (expect.length + always.length + never.length > 0) return;
  const message = 'the test expects nothing';
  reject(compiling, ['metadata', 'name'], 'POLICY_MISSING', message, 'add expect, always or never');
}

function countTicks(
  compiling: Compiling,
  { expect, duration, guests }: ParsedTest,
  interval: Seconds,
  series: readonly Series[],
): number | undefined {
  for (const [index, { at, within = 0 }] of expect.entries()) {
    if (duration === undefined || at + within <= duration) continue;
    const message = `expect[${index}] is at ${formatDuration(at + within)}, but the test ends at ${formatDuration(duration)}`;
    reject(
      compiling,
      ['expect', index, 'at'],
      'POLICY_RANGE',
      message,
      'make duration longer, or leave it out',
    );
  }
  const written = series.map(({ length }) => length);
  const ends = expect.map(({ at, within = 0 }) => tickAt(at + within, interval) + 1);
  const ticks = duration === undefined ? Math.max(1, ...written, ...ends) : tickAt(duration, interval) + 1;
  const most = Math.min(TICKS_MAX, Math.floor(DECISIONS_MAX / Math.max(1, guests.length)));
  if (ticks <= most) return ticks;
  const message = `the test has ${ticks} ticks; with ${guests.length} guests the most is ${most}`;
  reject(compiling, ['interval'], 'POLICY_LIMIT', message, 'make the interval longer');
  return undefined;
}
