/** Runs of one benchmark that must not share what V8 has learned of the code. */
import { spawnSync } from 'node:child_process';

/** Runs this benchmark once for each policy, in a process of its own: a daemon has one set of policies. */
export function eachInItsProcess(policies: readonly string[]): void {
  for (const policy of policies) {
    const args = [...process.execArgv, ...process.argv.slice(1), '--policy', policy];
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
}
