/** `top` on a terminal: looks, draws, and does what keys say, until it is told to end. */
import type { ReadStream, WriteStream } from 'node:tty';
import { errorMessage } from '../../model/errors.ts';
import { type Key, press, type Settings } from './settings.ts';
import { openTerminal } from './terminal.ts';
import { printable } from './text.ts';
import { offsetOf, pageOf, type Sight, screen, shownRows } from './view.ts';

export interface Watch {
  readonly look: () => Promise<Sight>;
  readonly settings: Settings;
  /** How often to look before it ends by itself. */
  readonly times: number;
  /** Told of each look. */
  readonly onSight: (sight: Sight, settings: Settings) => void;
}

/** Signals that end it, and the exit code of a process that they end (signal(7): 128 and the number). */
const ENDING = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * @returns the exit code
 * @throws BallonetError when the first look fails: later ones are tried again, and say what is wrong on the screen
 */
export async function watchLive(
  { look, settings: begin, times, onSight }: Watch,
  { input, output }: { readonly input: ReadStream; readonly output: WriteStream },
): Promise<number> {
  let settings = begin;
  let sight = await look();
  let problem: string | undefined;
  let looks = 1;
  let looking = false;
  let timer: NodeJS.Timeout | undefined;
  onSight(sight, settings);

  let end: (code: number) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const ended = new Promise<number>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  const guarded =
    <A extends unknown[]>(work: (...args: A) => void) =>
    (...args: A): void => {
      try {
        work(...args);
      } catch (error) {
        fail(error);
      }
    };
  const draw = guarded(() => terminal.draw(screen(sight, settings, terminal.size, problem)));

  async function refresh(): Promise<void> {
    clearTimeout(timer);
    if (looking) return;
    looking = true;
    try {
      sight = await look();
      problem = undefined;
      looks += 1;
      onSight(sight, settings);
    } catch (error) {
      problem = printable(errorMessage(error));
    }
    looking = false;
    draw();
    next();
  }

  function next(): void {
    clearTimeout(timer);
    if (looks >= times) end(0);
    else if (!settings.paused) timer = setTimeout(() => void refresh().catch(fail), settings.delay * 1000);
  }

  const onKey = guarded((key: Key) => {
    const page = pageOf(terminal.size);
    // One step up from the last page is seen, however far beyond it one has asked to be.
    const offset = offsetOf(settings, shownRows(sight, settings).length, terminal.size);
    const pressed = press({ ...settings, offset }, key, page);
    const isOther = pressed.settings.delay !== settings.delay || pressed.settings.paused !== settings.paused;
    settings = pressed.settings;
    if (pressed.effect === 'quit') end(0);
    else if (pressed.effect === 'interrupt') end(ENDING.SIGINT);
    else if (pressed.effect === 'suspend') terminal.suspend();
    else if (pressed.effect === 'refresh') void refresh().catch(fail);
    else if (isOther) next();
    draw();
  });

  const onSignal = (signal: keyof typeof ENDING): void => end(ENDING[signal]);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  const terminal = openTerminal(input, output, { onKey, onResize: draw });
  try {
    draw();
    next();
    return await ended;
  } finally {
    clearTimeout(timer);
    terminal.close();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal);
  }
}
