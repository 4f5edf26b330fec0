import type { Bytes, Seconds } from '../../model/units.ts';

/**
 * Sizes of one guest by the host's wall clock.
 *
 * A guest's report and its size are of different moments: QEMU stamps the report when it arrives, the size is read when the
 * hypervisor is asked. While the balloon moves the two do not fit together, so a report is paired with the size at its own time.
 */
export interface SizeHistory {
  /** Oldest first. Between `until` of one and `from` of the next the size was on its way. */
  readonly spans: Span[];
}

interface Span {
  from: Seconds;
  until: Seconds;
  bytes: Bytes;
}

/** One event a second while a balloon moves; a report is a few seconds old when it is paired. */
const SPANS_MAX = 32;

/**
 * The size that libvirt gives in bulk is the one of the last balloon event, and QEMU sends at most one event a second
 * (monitor/monitor.c, BALLOON_CHANGE: 1000 ms). So a size seen unchanged is known to have stood a second ago, not now.
 */
const EVENT_LAG: Seconds = 1;

/** QEMU stamps reports in whole seconds, rounded down: on average they are half a second younger than they say. */
const STAMP_ROUNDING: Seconds = 0.5;

export function newSizeHistory(): SizeHistory {
  return { spans: [] };
}

/** Notes the size seen at a wall-clock instant; instants come in order. */
export function noteSize(history: SizeHistory, bytes: Bytes, at: Seconds): void {
  const { spans } = history;
  const last = spans.at(-1);
  if (last !== undefined && last.bytes === bytes) {
    last.until = Math.max(last.until, at - EVENT_LAG);
    return;
  }
  spans.push({ from: at, until: at, bytes });
  if (spans.length > SPANS_MAX) spans.shift();
}

/** Forgets everything: after a start or a reset, or when the wall clock was set. */
export function forgetSizes(history: SizeHistory): void {
  history.spans.length = 0;
}

/**
 * Size at the time of a report stamped `lastUpdate`: straight between two sizes while the balloon moved, and the oldest or
 * newest one known outside them. Undefined when none is known.
 */
export function sizeAtReport(history: SizeHistory, lastUpdate: Seconds): Bytes | undefined {
  const at = lastUpdate + STAMP_ROUNDING;
  let later: Span | undefined;
  for (let i = history.spans.length - 1; i >= 0; i--) {
    const span = history.spans[i];
    if (span === undefined) break;
    if (at >= span.from) {
      if (later === undefined || at <= span.until) return span.bytes;
      const share = (at - span.until) / (later.from - span.until);
      return Math.round(span.bytes + share * (later.bytes - span.bytes));
    }
    later = span;
  }
  return later?.bytes;
}
