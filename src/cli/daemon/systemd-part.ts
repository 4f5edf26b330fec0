import { serviceManager } from '../../telemetry/systemd.ts';
import type { Daemon } from './context.ts';
import { type Part, part } from './parts.ts';

/** H33: ready with the first good tick, alive as long as ticks are completed: a loop that hangs is ended and started anew. */
export function systemdPart({
  events,
  reloads,
  clock,
  log,
}: Pick<Daemon, 'events' | 'reloads' | 'clock' | 'log'>): Part {
  return part('systemd', () => {
    const manager = serviceManager(process.env, problem => log.warn({ problem }, 'systemd cannot be told'));
    if (manager === undefined) return () => {};
    let ready = false;
    let pingedAt = Number.NEGATIVE_INFINITY;
    const watching = events.subscribe(event => {
      // A tick that failed was completed too: a hypervisor that is gone is no reason to be restarted.
      if (event.type !== 'tick' && event.type !== 'tick-failed') return;
      const now = clock.now().monotonic;
      if (!ready && event.type === 'tick') {
        ready = true;
        void manager.tell('READY=1', `STATUS=${event.snapshot.guests.length} guests`);
      }
      if (manager.pingEvery === undefined || now - pingedAt < manager.pingEvery) return;
      pingedAt = now;
      void manager.tell('WATCHDOG=1');
    });
    // sd_notify(3): the time tells systemd which reload it hears of, and READY=1 that it is over, taken up or refused.
    watching.add(
      reloads.subscribe(step => {
        if (!ready) return;
        if (step === 'ends') void manager.tell('READY=1');
        else void manager.tell('RELOADING=1', `MONOTONIC_USEC=${Math.round(clock.now().monotonic * 1e6)}`);
      }),
    );
    return () => {
      watching.unsubscribe();
      return manager.tell('STOPPING=1');
    };
  });
}
