import type { Streams } from '../output.ts';
import type { JobProgress } from './pool.ts';

/** Progress of all jobs as one line on stderr: rewritten on a terminal, else told at every tenth. */
export function progressLine(
  jobs: number,
  { err }: Streams,
  terminal: boolean | undefined = process.stderr.isTTY,
): { readonly update: JobProgress; done(): void } {
  const shares = new Map<number, number>();
  let told = -1;
  return {
    update(index, share) {
      shares.set(index, share);
      const sum = [...shares.values()].reduce((total, one) => total + one, 0);
      const percent = Math.floor((100 * sum) / jobs);
      const step = terminal ? percent : Math.floor(percent / 10) * 10;
      if (step <= told) return;
      told = step;
      const finished = [...shares.values()].filter(one => one === 1).length;
      err(`${terminal ? '\r' : ''}simulated ${step} %, ${finished} of ${jobs} runs${terminal ? '' : '\n'}`);
    },
    done() {
      if (terminal) err('\n');
    },
  };
}
