/** The folder of a journal: one file a segment, the closed ones compressed. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Bytes, Seconds } from '../model/units.ts';

export interface Segment {
  /** Name of its file. */
  readonly name: string;
  /** Counts up from one segment to the next, whatever the wall clock does. */
  readonly number: number;
  /** Unix time of its first tick, in whole seconds. */
  readonly began: Seconds;
  readonly packed: boolean;
}

export interface SegmentFile {
  append(text: string): Promise<void>;
  /** Makes sure that it is on the disk. */
  close(): Promise<void>;
}

/** The port through which the journal is kept. Every call rejects with the error of the file system. */
export interface JournalFolder {
  /** Makes the folder, and removes what an earlier process did not finish. Once, before anything else. */
  prepare(): Promise<void>;
  /** Oldest first. */
  list(): Promise<readonly Segment[]>;
  bytesOf(segment: Segment): Promise<Bytes>;
  /** @throws when there is one of that name */
  create(segment: Segment): Promise<SegmentFile>;
  /** Replaces a segment by its compressed form; whatever happens on the way, one of the two is there and whole. */
  pack(segment: Segment): Promise<void>;
  remove(segment: Segment): Promise<void>;
}

const NAME = /^journal-(\d{8,})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.ndjson(\.gz)?$/;

const UNFINISHED = '.part';

export function segmentOf(number: number, began: Seconds): Segment {
  const stamp = new Date(began * 1000).toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
  const name = `journal-${String(number).padStart(8, '0')}-${stamp}.ndjson`;
  return { name, number, began: Math.floor(began), packed: false };
}

function segmentNamed(name: string): Segment | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [, number, ...digits] = match;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = digits.map(Number);
  const began = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  return { name, number: Number(number), began, packed: name.endsWith('.gz') };
}

/** Segments in a folder, oldest first. A compressed one that has not been removed in its plain form is given once. */
export async function segmentsIn(folder: string): Promise<readonly Segment[]> {
  return segmentsNamed(await readdir(folder));
}

/** The segments among the files of a folder, as `segmentsIn`. */
export function segmentsNamed(names: readonly string[]): readonly Segment[] {
  const segments = names.flatMap(name => segmentNamed(name) ?? []);
  const packed = new Set(segments.filter(segment => segment.packed).map(({ number }) => number));
  return segments
    .filter(segment => segment.packed || !packed.has(segment.number))
    .toSorted((a, b) => a.number - b.number);
}

/** The folder at a path. */
export function openFolder(folder: string): JournalFolder {
  const at = (name: string): string => path.join(folder, name);
  return {
    async prepare() {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      await removeUnfinished(folder);
    },
    list: () => segmentsIn(folder),
    bytesOf: async ({ name }) => (await stat(at(name))).size,
    async create({ name }) {
      const file = await open(at(name), 'ax', 0o640);
      return {
        append: text => file.appendFile(text),
        async close() {
          try {
            await file.datasync();
          } finally {
            await file.close();
          }
        },
      };
    },
    async pack({ name }) {
      const part = at(`${name}.gz${UNFINISHED}`);
      try {
        const out = createWriteStream(part, { mode: 0o640, flush: true });
        await pipeline(createReadStream(at(name)), createGzip(), out);
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      }
      await rename(part, at(`${name}.gz`));
      await rm(at(name));
    },
    remove: ({ name }) => rm(at(name), { force: true }),
  };
}

/** What an earlier process did not finish: compressed halves, and plain files of which the compressed form is whole. */
async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder);
  const whole = new Set(names);
  for (const name of names) {
    const half = name.endsWith(`.gz${UNFINISHED}`);
    if (half || (segmentNamed(name)?.packed === false && whole.has(`${name}.gz`)))
      await rm(path.join(folder, name));
  }
}
