import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { NumaNode } from '../../model/snapshot.ts';
import { kibToBytes, type Seconds } from '../../model/units.ts';
import { readHostFile } from './files.ts';
import { parseMeminfoLines } from './key-values.ts';

const FOLDER = '/sys/devices/system/node';
/** They are shown, and nothing is decided by them: reading them every tick would be for nothing. */
const EVERY: Seconds = 10;

/** NUMA nodes of this machine. */
export interface NumaNodes {
  /** As they were at most ten seconds ago; undefined where the kernel tells of none. */
  read(at: Seconds): Promise<readonly NumaNode[] | undefined>;
}

export function createNumaNodes(root: string): NumaNodes {
  let known: { readonly at: Seconds; readonly nodes: readonly NumaNode[] | undefined } | undefined;
  return {
    async read(at) {
      if (known === undefined || at - known.at >= EVERY) known = { at, nodes: await readNodes(root) };
      return known.nodes;
    },
  };
}

async function readNodes(root: string): Promise<readonly NumaNode[] | undefined> {
  let names: string[];
  try {
    names = await readdir(join(root, FOLDER));
  } catch {
    return undefined;
  }
  const numbers = names.flatMap(name => /^node(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const nodes = await Promise.all(numbers.toSorted((a, b) => a - b).map(node => readNode(root, node)));
  const found = nodes.filter(node => node !== undefined);
  return found.length === 0 ? undefined : found;
}

/** Lines `Node 0 MemTotal:  123 kB`; a node without memory of its own is none to us. */
async function readNode(root: string, node: number): Promise<NumaNode | undefined> {
  const text = await readHostFile(root, `${FOLDER}/node${node}/meminfo`).catch(() => '');
  const lines = parseMeminfoLines(text.replace(/^Node \d+ /gm, ''));
  const [total, free] = [lines.get('MemTotal'), lines.get('MemFree')];
  if (total === undefined || free === undefined || total === 0 || free > total) return undefined;
  return { node, total: kibToBytes(total), free: kibToBytes(free) };
}
