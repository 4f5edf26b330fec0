/** What a play in the lab tells of its times, and of how fast the machine was. */
import { TCG } from '../../src/hypervisor/simulated/calibrated.ts';
import { type Bytes, MiB, type Ratio } from '../../src/model/units.ts';
import { LARGE } from '../lab/play.ts';
import { GUESTS, type Script } from '../lab/scripts.ts';
import { meanOf, meanResident, type Outcome, type Worlds } from './world-recording.ts';

/** What the model is given of a play in the lab. */
export interface Given {
  /** Of each QEMU while its programs are idle. */
  readonly idle: Bytes;
  /** When programs took large amounts of memory. */
  readonly takings: NonNullable<Outcome['takings']>;
  /** Bytes a second at which they did, where that is not known; undefined where this is not known either. */
  readonly pace: number | undefined;
  /** Bytes a second at which each of six guests reads its file from the disk. */
  readonly reads: number;
  /** How fast the guests' processors were, of one alone on a machine that does nothing else. */
  readonly speed: Ratio;
}

/** @param all every script that there is */
export function givenOf(script: Script, real: Outcome, all: readonly Script[], worlds: Worlds): Given {
  // With nobody at the balloons programs wait for no memory; files are read in some scripts only.
  const idle = Math.min(
    ...Object.values(worlds).map(({ nobody }) => meanResident(nobody ?? [])[1] ?? Number.NaN),
  );
  const alone = worlds[script.name]?.nobody ?? [];
  const { takings = [], pace = meanOf(alone, 'pace') } = real;
  return {
    idle: (idle * MiB) / GUESTS,
    takings,
    pace: pace === undefined ? undefined : pace * MiB,
    reads: (meanOf(alone, 'reads') ?? TCG.files / MiB) * MiB,
    speed: speedOf(script, real) ?? typicalSpeed(all, worlds),
  };
}

/**
 * How fast programs took memory where nothing else held them up, of how fast one alone takes it. Undefined where they took it no faster
 * than they were told to.
 */
function speedOf(script: Script, { takings, pace }: Outcome): Ratio | undefined {
  if (script.steps.every(({ held, rate }) => held < LARGE || rate !== undefined)) return undefined;
  if (takings === undefined) return pace === undefined ? undefined : Math.min(1, (pace * MiB) / TCG.touch);
  const guests = new Set(takings.map(([guest]) => guest));
  const bytes = [...guests]
    .flatMap(guest => largeAmounts(script, guest))
    .reduce((sum, each) => sum + each, 0);
  const seconds = takings.reduce((sum, [, from, to]) => sum + to - from, 0);
  return Math.min(1, bytes / seconds / TCG.touch);
}

/** The mean of all plays that tell. */
function typicalSpeed(all: readonly Script[], worlds: Worlds): Ratio {
  const known = all.flatMap(script =>
    Object.values(worlds[script.name] ?? {}).flatMap(plays =>
      plays.flatMap(play => speedOf(script, play) ?? []),
    ),
  );
  return known.length === 0 ? 1 : known.reduce((sum, each) => sum + each, 0) / known.length;
}

/** What a guest's programs take of memory, each time that it is much. */
function largeAmounts({ steps }: Script, guest: number): Bytes[] {
  const held = [0, ...steps.filter(({ guests }) => guests.includes(guest)).map(step => step.held)];
  return held.flatMap((bytes, i) => {
    const more = (held[i + 1] ?? bytes) - bytes;
    return more >= LARGE ? [more] : [];
  });
}
