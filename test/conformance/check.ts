import type { Domain, Hypervisor } from '../../src/hypervisor/driver.ts';
import type { Answer } from './answers.ts';
import type { Subject } from './subject.ts';

/** What a check may use. */
export interface Bench {
  readonly subject: Subject;
  /** One connection for all checks, that may change things. */
  readonly hypervisor: Hypervisor;
  readonly guest: Domain;
  readonly bare: Domain;
  /** The domain that does not run, under a uuid that nobody has where the driver cannot know it. */
  readonly off: Domain;
}

/** One question to a driver. */
export interface Check {
  readonly question: string;
  /** What every driver answers that is not in the table of differences. */
  readonly answer: Answer;
  ask(bench: Bench): Promise<Answer>;
}
