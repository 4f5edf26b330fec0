/** Answers in words, so that those of different drivers can be held against each other and printed. */
import type { Domain, DomainStats, Hypervisor } from '../../src/hypervisor/driver.ts';
import { isBallonetError } from '../../src/model/errors.ts';
import { memoryStatName } from '../../src/model/memory-stats.ts';
import { until } from '../lab/process.ts';

/** What a check answers. */
export type Answer = string | readonly string[];

/** The error code that a call ends with, or `ok`. An error that is not ours is passed on. */
export async function outcome(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    if (isBallonetError(error)) return error.code;
    throw error;
  }
}

/** The outcomes of several calls, one after another. */
export async function outcomes(...works: readonly (() => Promise<unknown>)[]): Promise<string[]> {
  const all: string[] = [];
  for (const work of works) all.push(await outcome(work));
  return all;
}

/** Names of the statistics in their order, or the error code. */
export async function statsOf(domain: Domain, maxStats?: number): Promise<string[]> {
  let names: string[] = [];
  const code = await outcome(async () => {
    const stats = await domain.memoryStats(maxStats === undefined ? {} : { maxStats });
    names = stats.map(({ tag }) => memoryStatName(tag) ?? String(tag));
  });
  return code === 'ok' ? names : [code];
}

/** One statistic now. @throws Error when it is not known */
export async function stat(domain: Domain, name: string): Promise<number> {
  const stats = await domain.memoryStats();
  const found = stats.find(({ tag }) => memoryStatName(tag) === name);
  if (!found) throw new Error(`${domain.name} has no ${name}`);
  return found.value;
}

/** The keys of a bulk record in their order; `error` at the end where it has one. */
export function keysOf(record: DomainStats | undefined): string[] {
  if (!record) return ['no record'];
  return [...record.params.keys(), ...(record.error ? [record.error.code] : [])];
}

export function recordOf(records: readonly DomainStats[], name: string): DomainStats | undefined {
  return records.find(({ domain }) => domain.name === name);
}

/** Whether `probe` comes true in time; false says that it did not. */
export async function comesTrue(
  probe: () => boolean | Promise<boolean>,
  deadlineSeconds: number,
): Promise<boolean> {
  let seen = false;
  try {
    await until('the condition', deadlineSeconds, async () => {
      seen = await probe();
      return seen;
    });
  } catch (error) {
    if (seen || !(error instanceof Error) || !error.message.startsWith('the condition')) throw error;
  }
  return seen;
}

/**
 * What happens to a domain, in short and in order, from now on: `suspended`, `reboot`, `balloon`. What has to be heard ends
 * the wait; the deadline is for what does not come.
 */
export function listen(hypervisor: Hypervisor, name: string): { heard: string[]; stop: () => void } {
  const heard: string[] = [];
  const subscription = hypervisor.events.subscribe(event => {
    if (event.domain.name === name) heard.push(event.type === 'lifecycle' ? event.kind : event.type);
  });
  return { heard, stop: () => subscription.unsubscribe() };
}
