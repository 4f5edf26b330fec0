/** The memory of this machine, which the guests of QMP sockets use: QMP tells nothing of it. */
import { readFile } from 'node:fs/promises';
import { BallonetError } from '../../model/errors.ts';
import type { NodeMemory } from '../driver.ts';

/** @throws BallonetError HOST_UNREADABLE */
export async function readNodeMemory(proc = '/proc'): Promise<NodeMemory> {
  const path = `${proc}/meminfo`;
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new BallonetError('HOST_UNREADABLE', `${path} cannot be read`, { cause });
  });
  const fields = new Map(
    [...text.matchAll(/^(\w+):\s+(\d+) kB$/gm)].map(([, name, kib]) => [name, Number(kib)]),
  );
  const [totalKib, freeKib, buffersKib, cachedKib, availableKib] = [
    'MemTotal',
    'MemFree',
    'Buffers',
    'Cached',
    'MemAvailable',
  ].map(name => fields.get(name));
  if (totalKib === undefined) throw new BallonetError('HOST_UNREADABLE', `${path} has no MemTotal`);
  return {
    totalKib,
    ...(freeKib !== undefined && { freeKib }),
    ...(buffersKib !== undefined && { buffersKib }),
    ...(cachedKib !== undefined && { cachedKib }),
    ...(availableKib !== undefined && { availableKib }),
  };
}
