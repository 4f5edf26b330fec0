import type { Ratio } from '../../model/units.ts';
import type { Streams } from '../output.ts';
import type { JobProgress } from './pool.ts';

interface Line<T extends readonly unknown[]> {
  readonly update: (...args: T) => void;
  readonly done: () => void;
}

/** Progress as one line on stderr: rewritten on a terminal, else told at every tenth. @param verb what has been done */
export function shareLine(
  verb: string,
  { err }: Streams,
  terminal: boolean | undefined = process.stderr.isTTY,
): Line<[share: Ratio, more?: string]> {
  let told = -1;
  return {
    update(share, more = '') {
      const percent = Math.floor(100 * share);
      const step = terminal ? percent : Math.floor(percent / 10) * 10;
      if (step <= told) return;
      told = step;
      err(`${terminal ? '\r' : ''}${verb} ${step} %${more}${terminal ? '' : '\n'}`);
    },
    done() {
      if (terminal) err('\n');
    },
  };
}

/** Progress of all jobs. */
export function progressLine(
  jobs: number,
  streams: Streams,
  terminal?: boolean,
): Line<Parameters<JobProgress>> {
  const line = shareLine('simulated', streams, terminal);
  const shares = new Map<number, Ratio>();
  return {
    ...line,
    update(index, share) {
      shares.set(index, share);
      const done = [...shares.values()];
      const finished = done.filter(one => one === 1).length;
      line.update(done.reduce((sum, one) => sum + one, 0) / jobs, `, ${finished} of ${jobs} runs`);
    },
  };
}
