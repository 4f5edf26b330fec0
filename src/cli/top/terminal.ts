/**
 * A terminal as a screen that is drawn whole: alternate screen, no cursor, keys as they are pressed. However the process ends,
 * except by SIGKILL, the terminal is as it was before. Sequences: ECMA-48 and xterm's control sequences.
 */
import { emitKeypressEvents, type Key as ReadlineKey } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Key } from './settings.ts';
import { ansiLine, type Line } from './text.ts';
import type { Size } from './view.ts';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';

export interface Terminal {
  readonly size: Size;
  draw(lines: readonly Line[]): void;
  /** Gives the terminal to the shell until the process is continued; then `onResize` is called. */
  suspend(): void;
  /** Gives it back for good. */
  close(): void;
}

export interface TerminalEvents {
  readonly onKey: (key: Key) => void;
  readonly onResize: () => void;
}

export function openTerminal(
  input: ReadStream,
  output: WriteStream,
  { onKey, onResize }: TerminalEvents,
): Terminal {
  const colour = (process.env.NO_COLOR ?? '') === '';
  let open = false;

  function enter(): void {
    open = true;
    input.setRawMode(true);
    input.resume();
    output.write(ENTER);
  }

  function leave(): void {
    if (!open) return;
    open = false;
    // Writes to a terminal are synchronous: this is out before the process is.
    output.write(LEAVE);
    input.setRawMode(false);
    input.pause();
  }

  function onContinue(): void {
    enter();
    onResize();
  }

  const pressed = (text: string | undefined, { name, ctrl, meta }: ReadlineKey): void => {
    const char = ctrl === true || meta === true || !/^\P{Cc}$/u.test(text ?? '') ? undefined : text;
    onKey({ name, ctrl, char });
  };

  emitKeypressEvents(input);
  input.on('keypress', pressed);
  output.on('resize', onResize);
  process.on('exit', leave);
  // Before Node prints what was thrown, so that it can be read.
  process.on('uncaughtExceptionMonitor', leave);
  enter();
  return {
    get size() {
      return { columns: output.columns, rows: output.rows };
    },
    draw(lines) {
      if (!open) return;
      const { columns, rows } = this.size;
      const text = lines
        .slice(0, rows)
        // Erased first: after its last cell, a full line would lose that cell.
        .map(line => `\x1b[2K${ansiLine(line, columns, colour)}`)
        .join('\r\n');
      output.write(`\x1b[H${text}\x1b[J`);
    },
    suspend() {
      leave();
      process.once('SIGCONT', onContinue);
      process.kill(process.pid, 'SIGTSTP');
    },
    close() {
      leave();
      process.off('SIGCONT', onContinue);
      process.off('exit', leave);
      process.off('uncaughtExceptionMonitor', leave);
      output.off('resize', onResize);
      input.off('keypress', pressed);
    },
  };
}
