/** What is allowed in a policy set and probably not meant. Findings are warnings: the set runs all the same. */
import { formatSize, GiB, type Seconds } from '../model/units.ts';
import type { CompiledGuest } from './compile-guest.ts';
import type { CompiledHost } from './compile-host.ts';
import { lintCold } from './lint-cold.ts';
import { lintNever } from './lint-never.ts';
import { lintOptional } from './lint-optional.ts';
import { placeIn, warn } from './lint-place.ts';
import { STANDING_MAX, type StandingScope, standIn, standingScope } from './lint-standing.ts';
import { hostReserve, type Layer, LEVEL_NONE, type PolicyPatch } from './policy-set.ts';
import { type Diagnostic, sortDiagnostics } from './source/diagnostics.ts';
import { valuePlace } from './source/locate.ts';

/**
 * Everything suspicious about a sound set.
 *
 * @param wall - Unix time, which tells what has expired
 */
export function lintPolicies(
  host: CompiledHost,
  guests: readonly CompiledGuest[],
  wall: Seconds,
): readonly Diagnostic[] {
  const found = [
    ...lintNever(host, guests),
    ...lintGuarantees(host, guests),
    ...guests.flatMap(guest => [
      ...lintStability(host, guest),
      ...lintVetoes(guest),
      ...lintCold(guest),
      ...lintExpired(guest, wall),
      ...lintSchedules(guest, wall),
      ...lintOptional(guest),
    ]),
  ];
  return sortDiagnostics(found);
}

/** Of a pool that is a size: what the policies guarantee in bytes to the guests that they name, or to one guest each. */
function lintGuarantees({ policy, compiling }: CompiledHost, guests: readonly CompiledGuest[]): Diagnostic[] {
  if (policy.memory.kind !== 'size') return [];
  const room = policy.memory.bytes - hostReserve(policy, policy.memory.bytes);
  let guaranteed = 0;
  for (const { policy: guest, selection } of guests) {
    const { min } = guest.guarantees;
    const named = selection.match.name?.filter(({ text }) => !/[*?[]/.test(text)).length ?? 0;
    if ('bytes' in min) guaranteed += min.bytes * Math.max(1, named);
  }
  if (guaranteed <= room) return [];
  const message = `guests are guaranteed ${formatSize(guaranteed)}, and the pool has ${formatSize(Math.max(0, room))} beside its reserve`;
  const place = valuePlace(compiling.document, ['spec', 'memory']);
  return [warn(place, 'LINT_GUARANTEES', message, 'lower guarantees.min, or give the pool more memory')];
}

function lintVetoes(guest: CompiledGuest): Diagnostic[] {
  const { policy } = guest;
  if (policy.shrink.at.size === 0 || policy.vetoes.length > 0) return [];
  const message = `'${policy.name}' shrinks guests and has no veto`;
  const hint =
    policy.cold === undefined
      ? 'a guest that swaps looks comfortable: vetoes: [{name: swapping, when: guest.swap_out_rate > 256 * KiB, hold: 2m}]'
      : 'one that is still starting shows little of what it will use: vetoes: [{name: booting, when: guest.uptime < 120}]';
  return [warn(placeIn(guest, ['metadata', 'name']), 'LINT_NO_VETO', message, hint)];
}

function lintExpired(guest: CompiledGuest, wall: Seconds): Diagnostic[] {
  const exceptions = guest.policy.layers.filter(({ kind }) => kind === 'exception');
  return exceptions.flatMap(({ name, expiresAt }, index) => {
    if (expiresAt === undefined || expiresAt > wall) return [];
    const place = valuePlace(guest.compiling.document, ['spec', 'exceptions', index, 'expires']);
    return [
      warn(
        place,
        'LINT_EXPIRED',
        `the exception '${name}' has expired and does nothing`,
        'remove it, or give it a later date',
      ),
    ];
  });
}

const WEEK = 7 * 86_400;
const QUARTER_OF_AN_HOUR = 900;

/** Schedules that are in force together in this week and set the same field. */
function lintSchedules(guest: CompiledGuest, wall: Seconds): Diagnostic[] {
  const schedules = guest.policy.layers.filter(({ kind }) => kind === 'schedule');
  if (schedules.length < 2) return [];
  const start = Math.floor(wall / QUARTER_OF_AN_HOUR) * QUARTER_OF_AN_HOUR;
  const hours = schedules.map(() => new Set<number>());
  for (let at = start; at < start + WEEK; at += QUARTER_OF_AN_HOUR) {
    for (const [index, schedule] of schedules.entries()) if (schedule.applies({}, at)) hours[index]?.add(at);
  }
  return schedules.flatMap((schedule, index) => {
    const rival = schedules.slice(0, index).find((other, before) => {
      const common = commonField(schedule, other) !== undefined;
      return common && [...(hours[index] ?? [])].some(at => hours[before]?.has(at));
    });
    if (rival === undefined) return [];
    const message = `the schedules '${rival.name}' and '${schedule.name}' are in force together, and both set ${commonField(schedule, rival)}`;
    const place = valuePlace(guest.compiling.document, ['spec', 'schedules', index, 'name']);
    return [warn(place, 'LINT_SCHEDULES', message, `the later one wins: '${schedule.name}'`)];
  });
}

function commonField({ set: a }: Layer, { set: b }: Layer): keyof PolicyPatch | undefined {
  const keys = Object.keys(a).filter((key): key is keyof PolicyPatch => key in b);
  return keys.find(key => a[key] !== undefined && b[key] !== undefined);
}

/** Uses and sizes of a guest that the stability of targets is tried on. */
const USES = [GiB, 2 * GiB, 4 * GiB, 6 * GiB];
const SIZES = [2.5 * GiB, 5 * GiB, 8 * GiB];

/**
 * A policy whose target moves on when the guest has got there, so that one step is followed by the next. The target is tried on a guest of 8 GiB
 * at several sizes and uses: where it leads, it must stay within the dead band (H22, R17).
 */
function lintStability(host: CompiledHost, guest: CompiledGuest): Diagnostic[] {
  const { policy } = guest;
  const levels = [LEVEL_NONE, ...host.policy.pressure.map(({ name }) => name)];
  const scope = standingScope();
  for (const level of levels) {
    scope.host.level = level;
    for (const used of USES) {
      for (const size of SIZES) {
        const first = targetAt(guest, used, size, scope);
        const second = first === undefined ? undefined : targetAt(guest, used, first, scope);
        if (first === undefined || second === undefined) continue;
        const band = Math.max(policy.tolerance.ratio * first, policy.tolerance.bytes);
        if (Math.abs(second - first) <= Math.max(band, 1)) continue;
        const message = `the target moves on when the guest has got there: one of ${formatSize(STANDING_MAX)} that uses ${formatSize(used)} is sent from ${formatSize(size)} to ${formatSize(first)}, and from there to ${formatSize(second)}`;
        const hint =
          'let the target follow guest.demand and not the present size, or widen behavior.tolerance';
        return [warn(placeIn(guest, ['spec', 'target']), 'LINT_UNSTABLE', message, hint)];
      }
    }
  }
  return [];
}

/** The target of a standing guest; undefined where it cannot be told. */
function targetAt(
  { policy }: CompiledGuest,
  used: number,
  size: number,
  scope: StandingScope,
): number | undefined {
  if (size < used) return undefined;
  const bounds = standIn(scope, policy, used, size);
  if (bounds === undefined) return undefined;
  const target = policy.target.evaluate(scope);
  return typeof target === 'number' ? Math.min(bounds.max, Math.max(bounds.min, used, target)) : undefined;
}
