import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPathWatcher, type PathWatcher } from './watch.ts';

let folder = '';
let watcher: PathWatcher | undefined;
let changes = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-watch-'));
  changes = 0;
});

afterEach(() => {
  watcher?.close();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

function watch(...names: string[]): void {
  watcher = createPathWatcher(() => {
    changes += 1;
  }, 30);
  watcher.set(names.map(at));
}

/** What has happened once the folder has been quiet for long. */
async function settled(): Promise<number> {
  await new Promise(resolve => setTimeout(resolve, 400));
  return changes;
}

describe('createPathWatcher', () => {
  it('tells of a file that is written, once for all its steps', async () => {
    writeFileSync(at('a.yaml'), '1');
    watch('a.yaml');
    for (const text of ['2', '3', '4']) writeFileSync(at('a.yaml'), text);

    expect(await settled()).toBe(1);
  });

  it('tells of a file that is replaced, and of the next change after that', async () => {
    writeFileSync(at('a.yaml'), '1');
    watch('a.yaml');
    for (const [text, count] of [
      ['2', 1],
      ['3', 2],
    ] as const) {
      writeFileSync(at('a.yaml.new'), text);
      renameSync(at('a.yaml.new'), at('a.yaml'));
      expect(await settled()).toBe(count);
    }
  });

  it('is silent about other files, and in a folder about those that are not YAML', async () => {
    mkdirSync(at('d'));
    watch('a.yaml', 'd');
    writeFileSync(at('b.yaml'), '');
    writeFileSync(at('d/notes.txt'), '');

    expect(await settled()).toBe(0);

    writeFileSync(at('d/new.yaml'), '');

    expect(await settled()).toBe(1);
  });

  it('waits for a file whose folder is not there yet', async () => {
    watch('d/e/a.yaml');
    mkdirSync(at('d'));

    expect(await settled()).toBe(1);
  });

  it('goes on with a folder that is replaced as a whole', async () => {
    mkdirSync(at('d'));
    watch('d');
    mkdirSync(at('new'));
    renameSync(at('d'), at('old'));
    renameSync(at('new'), at('d'));

    expect(await settled()).toBe(1);

    watcher?.set([at('d')]);
    writeFileSync(at('d/a.yaml'), '1');

    expect(await settled()).toBe(2);

    rmSync(at('d'), { recursive: true });

    expect(await settled()).toBe(3);

    watcher?.set([at('d')]);
    mkdirSync(at('d'));

    expect(await settled()).toBe(4);
  });

  it('lets go of what is not wanted any more', async () => {
    writeFileSync(at('a.yaml'), '1');
    mkdirSync(at('d'));
    watch('a.yaml');
    watcher?.set([at('d')]);
    writeFileSync(at('a.yaml'), '2');

    expect(await settled()).toBe(0);
  });
});
