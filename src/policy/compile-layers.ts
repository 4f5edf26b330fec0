import type { z } from 'zod';
import { type Compiling, expressionAt, placeOf, reject } from './compile-document.ts';
import { checkDirection, checkGuarantees } from './compile-limits.ts';
import { compileSelector } from './compile-selector.ts';
import type { Visible } from './expression/names.ts';
import { isWithin, overlay } from './layers.ts';
import { refusingField, type Selector } from './match.ts';
import type { GuestPolicy, Layer, PolicyPatch } from './policy-set.ts';
import type { GuestPolicyDocument } from './schema/guest-policy.ts';
import type { Path } from './source/locate.ts';
import { localTime, startOfDay } from './zone-time.ts';

type Spec = z.output<typeof GuestPolicyDocument>['spec'];
type Overlay = Spec['schedules'][number]['set'];

/** What layers are compiled with. */
export interface LayerContext {
  readonly scope: Visible;
  /** Names of the pressure levels; undefined while they are not known. */
  readonly levels: readonly string[] | undefined;
  /** Has no layers yet. */
  readonly base: GuestPolicy;
}

export interface CompiledLayers {
  readonly layers: readonly Layer[];
  /** The guests of each exception, in their order. */
  readonly exceptions: readonly Selector[];
}

/** Schedules, and exceptions over them. */
export function compileLayers(compiling: Compiling, spec: Spec, context: LayerContext): CompiledLayers {
  const selectors: Selector[] = [];
  const names = new Set<string>();
  const unique = (path: Path, name: string): void => {
    if (names.has(name))
      reject(compiling, path, 'POLICY_DUPLICATE', `there already is a schedule or exception '${name}' above`);
    names.add(name);
  };
  const schedules = spec.schedules.map((schedule, index): Layer => {
    const path = ['spec', 'schedules', index];
    unique([...path, 'name'], schedule.name);
    if (schedule.from === schedule.to) {
      const hint = 'leave both out for all of the day';
      reject(compiling, [...path, 'to'], 'POLICY_RANGE', 'the schedule ends where it begins', hint);
    }
    const { from, to, days, timezone = spec.timezone } = schedule;
    return {
      kind: 'schedule',
      name: schedule.name,
      source: placeOf(compiling, [...path, 'name']),
      set: compilePatch(compiling, [...path, 'set'], schedule.set, context),
      applies: (_, wall) => isWithin({ days, from, to }, localTime({ wall }, timezone)),
      hours: { days, from, to, timezone },
    };
  });
  const exceptions = spec.exceptions.map((exception, index): Layer => {
    const path = ['spec', 'exceptions', index];
    unique([...path, 'name'], exception.name);
    const selector = compileSelector(compiling, [...path, 'match'], exception.match);
    selectors.push(selector);
    const { expires } = exception;
    const end = 'wall' in expires ? expires.wall : startOfDay(expires.day + 1, spec.timezone);
    return {
      kind: 'exception',
      name: exception.name,
      source: placeOf(compiling, [...path, 'name']),
      set: compilePatch(compiling, [...path, 'set'], exception.set, context),
      applies: (guest, wall) => wall < end && refusingField(selector, guest) === undefined,
      reason: exception.reason,
      expiresAt: end,
    };
  });
  return { layers: [...schedules, ...exceptions], exceptions: selectors };
}

function compilePatch(
  compiling: Compiling,
  path: Path,
  set: Overlay,
  { scope, levels, base }: LayerContext,
): PolicyPatch {
  if (Object.values(set).every(value => value === undefined))
    reject(compiling, path, 'POLICY_RANGE', 'nothing is set', 'name what changes: {priority: 50}');
  const { behavior, guarantees } = set;
  const target =
    set.target === undefined ? undefined : expressionAt(compiling, [...path, 'target'], 'double', scope);
  const patch: PolicyPatch = {
    mode: set.mode,
    priority: set.priority,
    shares: set.shares,
    idleTax: set.idleTax,
    target,
    guarantees,
    tolerance: behavior?.tolerance && {
      ratio: behavior.tolerance.percent === undefined ? undefined : behavior.tolerance.percent / 100,
      bytes: behavior.tolerance.bytes,
    },
    shrink: directionPatch(behavior?.shrink),
    grow: directionPatch(behavior?.grow),
    stabilizationSeconds: behavior?.shrink?.stabilization,
  };
  const over = overlay(base, patch);
  if (guarantees !== undefined) checkGuarantees(compiling, [...path, 'guarantees'], over.guarantees);
  for (const which of ['shrink', 'grow'] as const) {
    const direction = behavior?.[which];
    if (direction === undefined) continue;
    const step = { max: over[which].stepMax, min: over[which].stepMin };
    checkDirection(compiling, [...path, 'behavior', which], { at: direction.at, step }, levels);
  }
  return patch;
}

function directionPatch(direction: NonNullable<Overlay['behavior']>['grow']): PolicyPatch['shrink'] {
  if (direction === undefined) return undefined;
  return {
    at: direction.at && new Set(direction.at),
    stepMax: direction.step?.max,
    stepMin: direction.step?.min,
    rate: direction.rate,
    cooldownSeconds: direction.cooldown,
  };
}
