import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at, count, journalBench, ofType, tickOf } from '../../test/fakes/journal-bench.ts';

describe('a damaged journal', () => {
  async function plainText(folder: string): Promise<{ file: string; text: string }> {
    const [name = ''] = await readdir(folder);
    const file = path.join(folder, name);
    return { file, text: await readFile(file, 'utf8') };
  }

  it('cut at any byte gives all that was whole, and at most one torn line', async () => {
    const { folder, read, write } = await journalBench();
    await write(count(4));
    const { file, text } = await plainText(folder);
    const lines = text.split('\n').filter(line => line !== '');
    const all = await read();
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), async length => {
        await writeFile(file, text.slice(0, length));
        // A line that lacks no more than its newline is whole.
        const whole = lines.filter((_, i) => lines.slice(0, i + 1).join('\n').length <= length).length;
        const records = await read().catch((error: unknown) => {
          expect(whole).toBe(0);
          expect(error).toMatchObject({ code: 'JOURNAL_UNREADABLE' });
          return [];
        });
        expect(records.slice(0, whole)).toStrictEqual(all.slice(0, whole));
        expect(records.slice(whole).map(record => record.type === 'flaw' && record.torn)).not.toContain(
          false,
        );
        expect(records.length - whole).toBeLessThanOrEqual(1);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('with any byte changed gives nothing that was not written, and everything from the next full tick on', async () => {
    const { folder, read, write } = await journalBench();
    await write(count(130));
    const { file, text } = await plainText(folder);
    const lines = text.split('\n').length - 1;
    const all = new Map(ofType(await read(), 'tick').map(tick => [tick.snapshot.sequence, tick.snapshot]));
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), async (place, code) => {
        const byte = String.fromCharCode(code);
        if (text[place] === byte || text[place] === '\n') return;
        await writeFile(file, `${text.slice(0, place)}${byte}${text.slice(place + 1)}`);
        const line = text.slice(0, place).split('\n').length;
        const records = line === 1 ? await read().catch(() => []) : await read();
        const ticks = ofType(records, 'tick');
        for (const { snapshot } of ticks) expect(snapshot).toStrictEqual(all.get(snapshot.sequence));
        const damaged = line - 2;
        const resumed = damaged < 0 ? 0 : (Math.floor(damaged / 60) + 1) * 60;
        const lost = count(lines - 1).filter(i => !ticks.some(({ snapshot }) => snapshot.sequence === i));
        if (line > 1) expect(lost).toEqual(count(lines - 1).filter(i => i >= damaged && i < resumed));
        if (line > 1) expect(ticks.filter(({ whole }) => whole)).toHaveLength(damaged);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('loses no tick by a damaged event', async () => {
    const { folder, open, read } = await journalBench();
    const { journal } = open();
    journal.tick(tickOf(0));
    journal.event({ at: at(0), event: 'level', detail: { to: 'soft' } });
    journal.tick(tickOf(1));
    await journal.close();
    const { file, text } = await plainText(folder);
    await writeFile(file, text.replace('"soft"', '"sofa"'));
    const records = await read();
    expect(ofType(records, 'flaw')).toMatchObject([{ line: 3, torn: false }]);
  });

  it('that is compressed gives what comes before the damage', async () => {
    const { folder, read, write } = await journalBench();
    await write(count(40), { segmentSeconds: 30 });
    const [name = ''] = (await readdir(folder)).filter(entry => entry.endsWith('.gz'));
    const file = path.join(folder, name);
    const packed = await readFile(file);
    await writeFile(file, packed.subarray(0, packed.length - 20));
    const records = await read({}, file);
    expect(ofType(records, 'tick').length).toBeGreaterThan(0);
    expect(ofType(records, 'flaw')).toMatchObject([{ torn: true }]);
  });

  it.each([
    ['nothing', ''],
    ['something else', 'hello\nworld\n'],
  ])('is none when there is %s in the file', async (_, content) => {
    const { folder, read } = await journalBench();
    const file = path.join(folder, 'other.ndjson');
    await writeFile(file, content);
    await expect(read({}, file)).rejects.toMatchObject({ code: 'JOURNAL_UNREADABLE' });
    await expect(read({}, path.join(folder, 'nowhere'))).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
    });
  });
});
