import { type Observable, Subject } from 'rxjs';
import type { BallonetError, ErrorCode } from '../model/errors.ts';

/** A source of figures began to fail (`error`) or works again (`error` undefined). Sent on the change only, never every tick. */
export interface Problem {
  /** What is affected: a file, `cgroup:/machine.slice`, `guest:NAME:xml`, `guest:NAME:memory-stats`, `stats-period`. */
  readonly source: string;
  readonly error: BallonetError | undefined;
}

/** Turns the state that a source has each tick into edges. */
export interface ProblemReporter {
  readonly stream: Observable<Problem>;
  /** Says how a source stands now. The same error code as the last time is no news. */
  report(source: string, error: BallonetError | undefined): void;
  /** Says what is news although the source was failing before, such as another guest added to those it names. */
  announce(source: string, error: BallonetError): void;
  close(): void;
}

export function createProblemReporter(): ProblemReporter {
  const subject = new Subject<Problem>();
  const failing = new Map<string, ErrorCode>();

  function report(source: string, error: BallonetError | undefined): void {
    if (failing.get(source) === error?.code) return;
    if (error === undefined) failing.delete(source);
    else failing.set(source, error.code);
    subject.next({ source, error });
  }

  function announce(source: string, error: BallonetError): void {
    failing.set(source, error.code);
    subject.next({ source, error });
  }

  return { announce, stream: subject.asObservable(), report, close: () => subject.complete() };
}
