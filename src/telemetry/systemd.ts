/** Tells systemd how the daemon is (sd_notify(3)). Node has no unix datagrams, so systemd's own systemd-notify(1) sends them. */
import { execFile } from 'node:child_process';
import type { Seconds } from '../model/units.ts';

export interface ServiceManager {
  /** Sends assignments such as `READY=1`, one after the other, and resolves when systemd has them. Never rejects. */
  tell(...assignments: readonly string[]): Promise<void>;
  /** How often the watchdog wants to hear of us; undefined when it does not. */
  readonly pingEvery: Seconds | undefined;
}

/** The manager that started this process; undefined when none wants to be told. @param onProblem told once that telling fails */
export function serviceManager(
  environment: NodeJS.ProcessEnv,
  onProblem: (problem: string) => void,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog } = environment;
  if (socket === undefined || socket === '') return undefined;
  let told = Promise.resolve();
  let failed = false;

  function send(assignments: readonly string[]): Promise<void> {
    return new Promise(resolve => {
      execFile('systemd-notify', [...assignments], { env: environment, timeout: 5000 }, error => {
        if (error !== null && !failed) onProblem(error.message.trim());
        failed = error !== null;
        resolve();
      });
    });
  }

  const seconds = Number(watchdog) / 1e6;
  return {
    tell(...assignments) {
      told = told.then(() => send(assignments));
      return told;
    },
    // sd_watchdog_enabled(3): half of the time.
    pingEvery: seconds > 0 ? seconds / 2 : undefined,
  };
}
