import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { formatSize } from '../model/units.ts';

export type { Logger };

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Bytes of lines that wait for room on the disk; those after them are lost. */
const WAITING_MAX = 1024 ** 2;

/**
 * The daemon's log: one JSON object a line, with a static `msg` and the data in fields; readable lines on a terminal.
 * Writes are synchronous, so that the last line before a crash is not lost.
 */
export function createLog(
  level: LogLevel,
  out: Writable & { readonly isTTY?: boolean; readonly fd?: number },
): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (out.isTTY === true) {
    return pino(
      options,
      pretty({
        destination: out,
        sync: true,
        hideObject: true,
        colorize: (process.env.NO_COLOR ?? '') === '',
        translateTime: 'SYS:HH:MM:ss',
        messageFormat: humanLine,
      }),
    );
  }
  if (out.fd === undefined) return pino(options, out);
  const destination = pino.destination({ fd: out.fd, sync: true, maxLength: WAITING_MAX });
  // A disk that is full of logs costs lines, and not the guests their daemon. What waits is written when there is room again.
  destination.on('error', () => {});
  return pino(options, destination);
}

const PLUMBING = new Set(['level', 'time', 'msg', 'pid', 'hostname']);

/** The message, then the fields, sizes with a unit. */
function humanLine(line: Record<string, unknown>): string {
  const fields = Object.entries(line)
    .filter(([key, value]) => !PLUMBING.has(key) && value !== undefined)
    .map(([key, value]) => humanField(key, value));
  return [String(line.msg), ...fields].join('  ');
}

function humanField(key: string, value: unknown): string {
  if (key.endsWith('Bytes') && typeof value === 'number') return `${key.slice(0, -5)}=${formatSize(value)}`;
  if (key === 'err' && value !== null && typeof value === 'object' && 'message' in value)
    return `error=${String(value.message)}`;
  return `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
}
