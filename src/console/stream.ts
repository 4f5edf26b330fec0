/** Server-sent events over fetch: EventSource cannot send a token. */
import type { z } from 'zod';
import type { Snapshot, StreamDecision, StreamEvent } from '../api/schema/answers.ts';
import { ApiError, openStream } from './api.ts';
import { tokenState } from './token.ts';

export type SnapshotView = z.output<typeof Snapshot>;
type DecisionView = z.output<typeof StreamDecision>;
type EventView = z.output<typeof StreamEvent>;

interface Messages {
  readonly snapshot?: (snapshot: SnapshotView) => void;
  readonly decision?: (decision: DecisionView) => void;
  readonly event?: (event: EventView) => void;
}

interface StreamHandlers extends Messages {
  /** True when it flows, false when it has ended and is tried again. */
  readonly live: (live: boolean) => void;
}

const RETRY_MS = [500, 1000, 2000, 5000];

/** Follows the stream until the signal, and takes it up again whenever it ends; a refused token is waited for. */
export async function followStream(
  query: string,
  handlers: StreamHandlers,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      const body = await openStream(query, signal);
      failures = 0;
      handlers.live(true);
      await readEvents(body, handlers);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) failures = Math.max(failures, 1);
    }
    if (signal.aborted) return;
    handlers.live(false);
    await pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] ?? 0, signal);
    await untilTokenIsFine(signal);
  }
}

async function readEvents(body: ReadableStream<Uint8Array<ArrayBuffer>>, messages: Messages): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const parse = createParser(messages);
  for (let part = await reader.read(); !part.done; part = await reader.read()) parse(part.value);
}

/** Takes the text as it comes and gives each whole message; as our own daemon writes them: one line of data each. */
export function createParser(messages: Messages): (text: string) => void {
  let rest = '';
  let type = '';
  return text => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('event: ')) type = line.slice('event: '.length);
      else if (line.startsWith('data: ')) give(messages, type, line.slice('data: '.length));
    }
  };
}

function give({ snapshot, decision, event }: Messages, type: string, data: string): void {
  if (type === 'snapshot') snapshot?.(JSON.parse(data));
  else if (type === 'decision') decision?.(JSON.parse(data));
  else if (type === 'event') event?.(JSON.parse(data));
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

function untilTokenIsFine(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    let stop = (): void => {};
    const look = (state: string): void => {
      if (state !== 'fine' && !signal.aborted) return;
      resolve();
      queueMicrotask(() => stop());
    };
    stop = tokenState.subscribe(look);
    signal.addEventListener('abort', () => look('fine'), { once: true });
  });
}
