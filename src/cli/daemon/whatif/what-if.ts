/** What the API asks of policies that are edited: checked, tested and replayed beside the loop. */
import type { ApiPorts, Played, PolicyChecked, PolicyTested } from '../../../api/ports.ts';
import { BallonetError } from '../../../model/errors.ts';
import type { PolicySet, PolicyText } from '../../../policy/policy-set.ts';
import type { JobThreads } from '../job-thread.ts';

const CHECK_MS = 10_000;
const TESTS_MS = 15_000;
/** It is asked to answer before its thread is ended, with what it has got to. */
const REPLAY_MS = 20_000;
const REPLAY_GRACE_MS = 10_000;

const CHECK = new URL('./check-worker.js', import.meta.url);
const TESTS = new URL('./tests-worker.js', import.meta.url);
const REPLAY = new URL('./replay-worker.js', import.meta.url);

export interface WhatIfParts {
  readonly policies: () => PolicySet;
  /** Unix time. */
  readonly wall: () => number;
  /** Where the journal is; undefined when none is kept. */
  readonly journal: () => string | undefined;
  /** For what somebody waits for while typing. */
  readonly quick: JobThreads;
  /** For what takes as long as it may. */
  readonly slow: JobThreads;
}

export function createWhatIf({ policies, wall, journal, quick, slow }: WhatIfParts): ApiPorts['whatIf'] {
  /** @throws BallonetError REQUEST_INVALID */
  function edited(changes: readonly PolicyText[]): readonly PolicyText[] {
    const { texts = [] } = policies();
    const known = new Map(texts.map(({ file, text }) => [file, text]));
    for (const { file, text } of changes) {
      if (!known.has(file))
        throw new BallonetError('REQUEST_INVALID', `'${file}' is no file of the policy set in force`);
      known.set(file, text);
    }
    return [...known].map(([file, text]) => ({ file, text }));
  }

  return {
    async check(changes) {
      const job = { texts: edited(changes), wall: wall() };
      return inTime(await quick.run<PolicyChecked>(CHECK, job, CHECK_MS), CHECK_MS);
    },
    async test(changes) {
      const job = { texts: edited(changes), wall: wall() };
      return inTime(await quick.run<PolicyTested>(TESTS, job, TESTS_MS), TESTS_MS);
    },
    async replay(changes, seconds) {
      const folder = journal();
      if (folder === undefined)
        throw new BallonetError(
          'JOURNAL_UNREADABLE',
          'the daemon keeps no journal, so there is nothing to replay: give --state DIR',
        );
      const to = wall();
      const job = { folder, texts: edited(changes), from: to - seconds, to, milliseconds: REPLAY_MS };
      const limit = REPLAY_MS + REPLAY_GRACE_MS;
      return inTime(await slow.run<Played>(REPLAY, job, limit), limit);
    },
  };
}

/** @throws BallonetError REQUEST_LIMITED */
function inTime<T>(answer: T | undefined, milliseconds: number): T {
  if (answer !== undefined) return answer;
  throw new BallonetError('REQUEST_LIMITED', `it took longer than ${milliseconds / 1000} s and was given up`);
}
