/**
 * A policy on a living host that moves nobody: each real guest has a model beside it that begins as the guest is and then has the
 * guest's demand, and the policy's moves act on the models. What comes of it is what would have come of it, as far as a model can say.
 */
import { guard } from '../../actuators/guard.ts';
import type { Instant } from '../../model/clock.ts';
import type { Decision } from '../../model/decision.ts';
import type { ShadowedGuest, ShadowReport, ShadowSummary } from '../../model/shadow.ts';
import type { GuestSample, Reading, Snapshot } from '../../model/snapshot.ts';
import { type Bytes, GiB, type Seconds } from '../../model/units.ts';
import { decide } from '../../policy/decide.ts';
import type { PolicySet } from '../../policy/policy-set.ts';
import { correctMove, initialState } from '../../policy/state.ts';
import { createShadowGuest, type ShadowGuest } from './shadow-guest.ts';

export interface Shadow {
  /** Looks at the real host, lets the models catch up, decides, and moves their balloons. */
  look(now: Instant, snapshot: Snapshot): void;
  summary(): ShadowSummary;
  report(): ShadowReport;
}

interface Entry {
  /** Of the real guest, when the model was made: a guest that has begun anew gets a new one. */
  readonly epoch: number;
  readonly model: ShadowGuest;
  /** Another model that gets the sizes that the real guest gets: what it differs in from the real one is the model's error, in both. */
  readonly twin: ShadowGuest;
  sample: GuestSample;
  decision: Decision | undefined;
}

/** Harm of models that are no more stays counted. */
interface Past {
  stalledSeconds: Seconds;
  shortageByteSeconds: number;
  oomKills: number;
  rereadBytes: Bytes;
}

/** @param name tells it from others: of several sets, two may be called alike */
export function createShadow(set: PolicySet, name = set.host.name): Shadow {
  const policies: PolicySet = { ...set, host: { ...set.host, mode: 'enforce' } };
  const entries = new Map<string, Entry>();
  const past: Past = { stalledSeconds: 0, shortageByteSeconds: 0, oomKills: 0, rereadBytes: 0 };
  let state: ReturnType<typeof initialState> | undefined;
  let [first, last]: [Seconds | undefined, Seconds] = [undefined, 0];
  let [looks, seen, moves, movedBytes, overrunSeconds, reclaimedByteSeconds] = [0, 0, 0, 0, 0, 0];
  let reclaimed: Bytes = 0;

  function meet(sample: GuestSample, seconds: Seconds): GuestSample {
    const known = entries.get(sample.uuid);
    if (known !== undefined && known.epoch === sample.epoch) {
      known.sample = sample;
      known.twin.target = sample.readings.current.value ?? known.twin.target;
      known.twin.step(sample, seconds);
      known.model.step(sample, seconds);
      return known.model.sampleOf(sample);
    }
    if (known !== undefined) forget(sample.uuid, known);
    const model = createShadowGuest(sample);
    const twin = createShadowGuest(sample);
    if (model === undefined || twin === undefined) return sample;
    entries.set(sample.uuid, { epoch: sample.epoch, model, twin, sample, decision: undefined });
    return model.sampleOf(sample);
  }

  function forget(uuid: string, { model: { harm } }: Entry): void {
    past.stalledSeconds += harm.stallSeconds;
    past.shortageByteSeconds += harm.shortageByteSeconds;
    past.oomKills += harm.oomKills;
    past.rereadBytes += harm.rereadBytes;
    entries.delete(uuid);
  }

  /** What the host would have more of. */
  function difference(): Bytes {
    let sum = 0;
    for (const { model, twin } of entries.values()) sum += twin.resident() - model.resident();
    return sum;
  }

  function shadowOf(snapshot: Snapshot, seconds: Seconds): Snapshot {
    const present = new Set(snapshot.guests.map(({ uuid }) => uuid));
    for (const [uuid, entry] of entries) if (!present.has(uuid)) forget(uuid, entry);
    const guests = snapshot.guests.map(sample => meet(sample, seconds));
    reclaimed = difference();
    reclaimedByteSeconds += reclaimed * seconds;
    const { host } = snapshot;
    const { available, free } = host.readings;
    if (available.value !== undefined && available.value + reclaimed < 0) overrunSeconds += seconds;
    const readings = { ...host.readings, available: more(available, reclaimed), free: more(free, reclaimed) };
    return { ...snapshot, guests, host: { ...host, readings } };
  }

  function follow(decision: Decision, samples: ReadonlyMap<string, GuestSample>): void {
    const entry = entries.get(decision.uuid);
    if (entry === undefined) return;
    entry.decision = decision;
    if (decision.action === 'hold' || decision.targetBytes === undefined || state === undefined) return;
    const verdict = guard(decision, samples.get(decision.uuid));
    const asked = verdict.kind === 'refused' ? undefined : verdict.targetBytes;
    state = correctMove(state, decision.uuid, decision.targetBytes, asked);
    if (asked === undefined) return;
    moves++;
    movedBytes += Math.abs(asked - entry.model.size());
    entry.model.target = asked;
  }

  const shadow: Shadow = {
    look(now, snapshot) {
      const seconds = first === undefined ? 0 : now.monotonic - last;
      first ??= now.monotonic;
      last = now.monotonic;
      looks++;
      seen = snapshot.guests.length;
      state ??= initialState(now.monotonic);
      const seenByPolicy = shadowOf(snapshot, seconds);
      const tick = decide(state, seenByPolicy, policies, now);
      state = tick.state;
      const samples = new Map(seenByPolicy.guests.map(sample => [sample.uuid, sample]));
      for (const decision of tick.decisions) follow(decision, samples);
    },
    summary() {
      const harms = [...entries.values()].map(({ model }) => model.harm);
      const sum = (figure: (harm: (typeof harms)[number]) => number) =>
        harms.reduce((total, harm) => total + figure(harm), 0);
      return {
        policy: name,
        seconds: first === undefined ? 0 : last - first,
        looks,
        modelled: entries.size,
        guests: seen,
        reclaimedBytes: Math.round(reclaimed),
        reclaimedGiBHours: reclaimedByteSeconds / GiB / 3600,
        hostOverrunSeconds: overrunSeconds,
        stalledGuestSeconds: past.stalledSeconds + sum(({ stallSeconds }) => stallSeconds),
        shortageGiBSeconds: (past.shortageByteSeconds + sum(harm => harm.shortageByteSeconds)) / GiB,
        oomKills: past.oomKills + sum(({ oomKills }) => oomKills),
        rereadBytes: past.rereadBytes + sum(({ rereadBytes }) => rereadBytes),
        moves,
        movedBytes,
      };
    },
    report() {
      const all = [...entries.values()].flatMap(({ model, sample, decision }): ShadowedGuest[] => {
        if (decision === undefined) return [];
        const { harm } = model;
        return [
          {
            uuid: sample.uuid,
            name: sample.name,
            realBytes: sample.readings.current.value ?? 0,
            sizeBytes: model.size(),
            targetBytes: model.target,
            stalledSeconds: harm.stallSeconds,
            shortageGiBSeconds: harm.shortageByteSeconds / GiB,
            oomKills: harm.oomKills,
            rereadBytes: harm.rereadBytes,
            action: decision.action,
            reason: decision.reason,
          },
        ];
      });
      const items = all.toSorted(
        (a, b) =>
          b.oomKills - a.oomKills || b.stalledSeconds - a.stalledSeconds || (a.name < b.name ? -1 : 1),
      );
      return { ...shadow.summary(), items };
    },
  };
  return shadow;
}

function more(reading: Reading, bytes: Bytes): Reading {
  return reading.value === undefined ? reading : { ...reading, value: Math.max(0, reading.value + bytes) };
}
