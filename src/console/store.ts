/** What the page knows, fed by one stream of snapshots and events. */
import { batch, computed, signal } from '@preact/signals';
import type { Answer } from '../api/routes.ts';
import { get, messageOf } from './api.ts';
import { followStream, type SnapshotView } from './stream.ts';
import { tokenState } from './token.ts';
import { createTrails, type Trails } from './trails.ts';

export type GuestRow = SnapshotView['guests'][number];
export type EventView = Answer<'events'>['items'][number];
type Status = Answer<'status'>;

const EVENTS_MAX = 1000;
/** Status changes seldom: a reload, a pause. */
const STATUS_MS = 10_000;

export const status = signal<Status | undefined>(undefined);
export const snapshot = signal<SnapshotView | undefined>(undefined);
export const events = signal<readonly EventView[]>([]);
export const connection = signal<'connecting' | 'live' | 'lost'>('connecting');
/** What each guest used over the last while, for small charts. */
export const trails = signal<Trails>(createTrails());
/** Counts the times that all was read anew: what a view has read itself may have gaps then. */
export const generation = signal(0);

export const mayWrite = computed(() => status.value?.may === 'write');

/** Said aloud by screen readers, one sentence at a time; never figures that change each tick. */
export const announcement = signal('');

export function announce(text: string): void {
  announcement.value = text;
}

/** @returns a function that ends it */
export function startStore(): () => void {
  const ending = new AbortController();
  const { signal: ended } = ending;
  void followStream(
    'types=snapshot,event',
    { snapshot: takeSnapshot, event: event => addEvents([event]), live: onLive },
    ended,
  );
  const asking = setInterval(() => void readStatus(), STATUS_MS);
  return () => {
    clearInterval(asking);
    ending.abort();
  };
}

function takeSnapshot(next: SnapshotView): void {
  const before = snapshot.value?.pressure.level;
  if (before !== undefined && before !== next.pressure.level)
    announce(`Host pressure is now ${next.pressure.level}`);
  batch(() => {
    trails.value.note(next);
    snapshot.value = next;
  });
}

function onLive(live: boolean): void {
  if (!live) {
    if (connection.value === 'live') announce('The connection to the daemon is lost; trying again');
    connection.value = 'lost';
    return;
  }
  if (connection.value === 'lost') announce('Connected again');
  connection.value = 'live';
  void readAll();
}

async function readAll(): Promise<void> {
  await Promise.all([readStatus(), readEvents(), readTrails()]);
  generation.value++;
}

async function readStatus(): Promise<void> {
  if (tokenState.value !== 'fine' || document.hidden) return;
  await quietly(async () => {
    status.value = await get('status');
  });
}

async function readEvents(): Promise<void> {
  await quietly(async () => {
    const { items } = await get('events', { query: { limit: EVENTS_MAX } });
    addEvents(items);
  });
}

async function readTrails(): Promise<void> {
  await quietly(async () => {
    trails.value = createTrails(await get('guestsHistory', { query: { points: 60 } }));
  });
}

function addEvents(more: readonly EventView[]): void {
  const known = new Map(events.value.map(event => [event.id, event]));
  for (const event of more) known.set(event.id, event);
  events.value = [...known.values()].toSorted((a, b) => a.id - b.id).slice(-EVENTS_MAX);
}

/** The stream tells that the daemon is gone, and the token's state that it refuses: here is nothing to add. */
async function quietly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.debug(messageOf(error));
  }
}

export { readStatus };
