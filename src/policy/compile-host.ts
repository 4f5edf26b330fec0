import type { z } from 'zod';
import { formatDuration } from '../model/units.ts';
import { type Compiling, expressionAt, placeOf, policySource, reject } from './compile-document.ts';
import { HOST_SCOPE } from './expression/names.ts';
import { type HostPolicy, LEVEL_NONE, type PressureLevel } from './policy-set.ts';
import { HostPolicyDocument } from './schema/host-policy.ts';
import { validateDocument } from './schema/validate.ts';

/** A compiled host policy, with what guest policies take from it. */
export interface CompiledHost {
  readonly policy: HostPolicy;
  readonly compiling: Compiling;
  readonly defaults: { readonly priority: number; readonly shares: number };
}

type Spec = z.output<typeof HostPolicyDocument>['spec'];

const STALE_AFTER_SECONDS = 10;

/** The host policy of a document; undefined when something is wrong with it, which is then among the diagnostics. */
export function compileHost(compiling: Compiling): CompiledHost | undefined {
  const validated = validateDocument(compiling.document, HostPolicyDocument);
  if ('diagnostics' in validated) {
    compiling.diagnostics.push(...validated.diagnostics);
    return undefined;
  }
  const { metadata, spec } = validated.value;
  const before = compiling.diagnostics.length;
  const pressure = compileLevels(compiling, spec.pressure);
  const reserve = compileReserve(compiling, spec.reserve);
  const staleAfterSeconds = compileStaleAfter(compiling, spec);
  if (compiling.diagnostics.length > before) return undefined;
  return {
    defaults: spec.defaults,
    compiling,
    policy: {
      name: metadata.name,
      description: metadata.description,
      source: policySource(compiling),
      mode: spec.mode,
      intervalSeconds: spec.interval,
      memory: spec.memory,
      reserve,
      staleAfterSeconds,
      pressure,
      onExit: spec.onExit,
      surplus: spec.surplus,
      shortage: spec.shortage,
      shortageSource: placeOf(compiling, ['spec', 'shortage']),
      yieldForSeconds: spec.foreignChange?.yieldFor,
      limits: {
        reclaimRate: spec.limits.reclaimRate,
        concurrentMoves: spec.limits.concurrentMoves,
        guestsPerTick: spec.limits.guestsPerTick,
      },
    },
  };
}

function compileLevels(compiling: Compiling, levels: Spec['pressure']): PressureLevel[] {
  const names = new Set<string>();
  return levels.flatMap((level, index) => {
    const path = ['spec', 'pressure', index];
    if (level.name === LEVEL_NONE) {
      const hint = 'it is the level when no other is entered; choose another name';
      reject(compiling, [...path, 'name'], 'POLICY_LEVEL', `a level cannot be named '${LEVEL_NONE}'`, hint);
    } else if (names.has(level.name)) {
      reject(
        compiling,
        [...path, 'name'],
        'POLICY_DUPLICATE',
        `there already is a level '${level.name}' above`,
      );
    }
    names.add(level.name);
    const when = expressionAt(compiling, [...path, 'when'], 'bool', HOST_SCOPE);
    return when === undefined
      ? []
      : [{ name: level.name, when, forSeconds: level.for, keepForSeconds: level.keepFor }];
  });
}

function compileReserve(
  compiling: Compiling,
  { bytes, percent, select }: Spec['reserve'],
): HostPolicy['reserve'] {
  if (bytes === undefined && percent === undefined) {
    const hint = 'write reserve: {bytes: 0B} if the host really needs none';
    reject(
      compiling,
      ['spec', 'reserve'],
      'POLICY_MISSING',
      'spec.reserve has neither bytes nor percent',
      hint,
    );
  }
  // With one of the two left out there is nothing to select: its zero must not win as the lesser one.
  const only = bytes === undefined || percent === undefined;
  return { bytes: bytes ?? 0, ratio: (percent ?? 0) / 100, select: only ? 'max' : select };
}

function compileStaleAfter(compiling: Compiling, { interval, staleAfter }: Spec): number {
  // A guest renews its statistics once an interval at best, with the host's clock up to a second off in the time stamp.
  const least = 2 * interval + 2;
  if (staleAfter !== undefined && staleAfter < least) {
    const message = `spec.staleAfter: ${formatDuration(staleAfter)} is too short for an interval of ${formatDuration(interval)}`;
    const hint = `the least is ${formatDuration(least)}: twice the interval and two seconds`;
    reject(compiling, ['spec', 'staleAfter'], 'POLICY_RANGE', message, hint);
  }
  return staleAfter ?? Math.max(STALE_AFTER_SECONDS, least);
}
