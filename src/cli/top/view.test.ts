import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../model/units.ts';
import type { Row } from './columns.ts';
import { press, type Settings } from './settings.ts';
import { ansiLine, plainLine, printable, widthOf } from './text.ts';
import { pageOf, report, type Sight, screen, shownRows } from './view.ts';

const SETTINGS: Settings = {
  sort: 'name',
  reversed: false,
  filter: '',
  delay: 2,
  paused: false,
  offset: 0,
  help: false,
};

function rowOf(parts: Partial<Row> = {}): Row {
  return {
    name: 'web-1',
    uuid: '00000000-0000-4000-8000-000000000001',
    id: 1,
    state: 'running',
    policy: 'standard',
    action: 'hold',
    reason: 'COOLDOWN',
    currentBytes: GiB,
    targetBytes: GiB,
    maxBytes: 2 * GiB,
    usedBytes: 500 * MiB,
    availableBytes: 400 * MiB,
    ...parts,
  };
}

function sightOf(guests: readonly Row[], status: Partial<Sight['status']> = {}): Sight {
  return {
    at: 1_700_000_000,
    guests,
    status: {
      apiVersion: 'ballonet/v1',
      kind: 'Status',
      version: '1.2.3',
      startedAt: '2026-01-01T00:00:00Z',
      hypervisor: { uri: 'test:///', version: 'fake 1', up: true },
      mode: 'enforce',
      dryRun: false,
      policy: 'standard',
      guestPolicies: ['standard'],
      intervalSeconds: 1,
      pressure: { level: 'none', seconds: 192 },
      host: { totalBytes: 16 * GiB, availableBytes: 8 * GiB },
      budget: { totalBytes: 14 * GiB, committedBytes: 12 * GiB, freeBytes: 2 * GiB, split: 'fits' },
      guests: { total: guests.length, managed: guests.length, paused: 0 },
      lastTick: { sequence: 1, at: '2026-01-01T00:00:00Z', ageSeconds: 1, tookSeconds: 0.003 },
      failedTicks: 0,
      may: 'write',
      ...status,
    },
  };
}

/** Sequences that set colour and weight. */
const STYLING = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, 'g');

const text = (lines: ReturnType<typeof screen>): string => lines.map(plainLine).join('\n');
const names = (rows: readonly Row[]): string[] => rows.map(({ name }) => name);

describe('the screen of top', () => {
  it('fills a terminal exactly, however narrow, whatever guests are called', () => {
    const row = fc.record({
      name: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
      reason: fc.constantFrom('OK', 'WAITING_FOR_DONORS'),
      currentBytes: fc.option(fc.integer({ min: 0, max: 2 ** 50 }), { nil: undefined }),
    });
    const size = fc.record({
      columns: fc.integer({ min: 1, max: 300 }),
      rows: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), size, (guests, size) => {
        const sight = sightOf(guests.map(rowOf));
        const lines = screen(sight, { ...SETTINGS, offset: 5 }, size, 'a problem');
        expect(lines).toHaveLength(size.rows);
        const drawn = lines.map(line => ansiLine(line, size.columns, false).replaceAll(STYLING, ''));
        expect(Math.max(...drawn.map(widthOf))).toBeLessThanOrEqual(size.columns);
        expect(drawn.filter(line => printable(line) !== line)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  }, 30_000);

  it('has all that matters in 80 columns, uncut', () => {
    const long = rowOf({ name: 'twelve-chars', action: 'hold', reason: 'WAITING_FOR_DONORS' });
    const shown = text(screen(sightOf([long]), SETTINGS, { columns: 80, rows: 24 }, undefined));
    expect(shown).not.toContain('…');
    for (const words of [
      '16GiB, 8GiB available (50%)',
      '14GiB: 12GiB committed, 2GiB free; all targets fit',
      'none for 3m12s; tick 1s ago, took 3ms',
      'reclaimed 1GiB of 2GiB (50%)',
      'guests    1, 1 managed; 0 shrink, 0 grow',
      'twelve-chars',
      'WAITING_FOR_DONORS',
    ])
      expect(shown).toContain(words);
    for (const line of screen(sightOf([]), { ...SETTINGS, help: true }, { columns: 80, rows: 24 }, undefined))
      expect(plainLine(line).length).toBeLessThanOrEqual(80);
  });

  it('shows more of each guest where there is room', () => {
    const sight = sightOf([rowOf({ rssBytes: GiB, statsAgeSeconds: 3 })]);
    const at = (columns: number) => text(screen(sight, SETTINGS, { columns, rows: 24 }, undefined));
    expect(at(80)).not.toContain('RSS');
    for (const title of ['RECLAIM', 'RSS', 'AGE', 'POLICY']) expect(at(140)).toContain(title);
  });

  it('says what is wrong, what is typed, and that it is held', () => {
    const sight = sightOf([rowOf()], { failedTicks: 3 });
    const size = { columns: 80, rows: 24 };
    expect(text(screen(sight, SETTINGS, size, 'no daemon'))).toContain('no daemon');
    expect(text(screen(sight, SETTINGS, size, undefined))).toContain('3 failed since');
    expect(text(screen(sight, { ...SETTINGS, paused: true }, size, undefined))).toContain('PAUSED');
    const typing: Settings = { ...SETTINGS, prompt: { for: 'filter', text: 'we' } };
    expect(text(screen(sight, typing, size, 'no daemon'))).toContain('filter: we_');
  });

  it('shows a host and a budget that are not known as that', () => {
    const { status, ...rest } = sightOf([]);
    const { budget: _, lastTick: _l, ...unknown } = status;
    const shown = text(report({ ...rest, status: { ...unknown, host: {} } }, SETTINGS, 80));
    expect(shown.match(/not known yet/g)).toHaveLength(2);
    expect(shown).toContain('no tick yet');
  });

  it('prints every guest where there is no screen', () => {
    const guests = Array.from({ length: 100 }, (_, i) => rowOf({ name: `guest-${i}` }));
    const shown = text(report(sightOf(guests), SETTINGS, 80));
    for (const { name } of guests) expect(shown).toContain(`${name} `);
  });

  it('has colour only where it is allowed, and marks the worst without it too', () => {
    const [line = []] = [screen(sightOf([]), SETTINGS, { columns: 80, rows: 24 }, 'broken')[6]];
    expect(ansiLine(line, 80, true)).toBe('\x1b[1;31mbroken\x1b[0m');
    expect(ansiLine(line, 80, false)).toBe('\x1b[1mbroken\x1b[0m');
  });
});

describe('the order and choice of guests', () => {
  const guests = [
    rowOf({ name: 'b', currentBytes: GiB }),
    rowOf({ name: 'a', currentBytes: 2 * GiB, policy: 'gold' }),
    rowOf({ name: 'c', currentBytes: undefined, reason: 'STATS_ABSENT' }),
  ];

  it('is largest first, or by name, and what is not known comes last both ways', () => {
    const by = (sort: Settings['sort'], reversed: boolean) =>
      names(shownRows(sightOf(guests), { ...SETTINGS, sort, reversed }));
    expect(by('current', false)).toEqual(['a', 'b', 'c']);
    expect(by('current', true)).toEqual(['b', 'a', 'c']);
    expect(by('name', true)).toEqual(['c', 'b', 'a']);
    expect(by('reclaimed', false)).toEqual(['b', 'a', 'c']);
  });

  it('is of those that contain a text in any case', () => {
    const having = (filter: string) => names(shownRows(sightOf(guests), { ...SETTINGS, filter }));
    expect(having('GOLD')).toEqual(['a']);
    expect(having('stats_')).toEqual(['c']);
    expect(having('no such')).toEqual([]);
  });
});

describe('the keys of top', () => {
  const PAGE = 10;
  const pressed = (...keys: Parameters<typeof press>[1][]) =>
    keys.reduce((settings, key) => press(settings, key, PAGE).settings, SETTINGS);
  const type = (word: string) => word.split('').map(char => ({ char }));

  it('choose what to sort by', () => {
    expect(pressed({ char: 'M' }).sort).toBe('max');
    expect(pressed({ char: 's' }).sort).toBe('current');
    expect(pressed({ name: 'left' }).sort).toBe('reason');
    expect(pressed({ char: 'r' }, { char: 'U' })).toMatchObject({ sort: 'used', reversed: false });
    expect(pressed({ char: 'r' }).reversed).toBe(true);
    expect(pressed({ char: 'Z' })).toEqual(SETTINGS);
  });

  it('type a filter, which escape takes back', () => {
    const typed = pressed(
      { char: '/' },
      ...type('qq'),
      { name: 'backspace' },
      { char: 'ü' },
      { name: 'return' },
    );
    expect(typed).toMatchObject({ filter: 'qü' });
    expect(press(typed, { name: 'escape' }, PAGE).settings.filter).toBe('');
    expect(pressed({ char: '/' }, ...type('web'), { name: 'escape' })).toEqual(SETTINGS);
  });

  it('set the delay, and keep it when what is typed is none', () => {
    expect(pressed({ char: 'd' }, ...type('0.5'), { name: 'return' }).delay).toBe(0.5);
    for (const none of ['0', '-1', 'x', '', '1e3', '99999'])
      expect(pressed({ char: 'd' }, ...type(none), { name: 'return' }).delay).toBe(2);
  });

  it('scroll, and never above the first line', () => {
    expect(pressed({ name: 'pagedown' }, { name: 'up' }).offset).toBe(PAGE - 1);
    expect(pressed({ name: 'down' }, { name: 'home' }).offset).toBe(0);
    expect(pressed({ name: 'up' }).offset).toBe(0);
    const guests = Array.from({ length: 100 }, (_, i) =>
      rowOf({ name: `guest-${String(i).padStart(3, '0')}` }),
    );
    const size = { columns: 80, rows: 24 };
    const end = screen(sightOf(guests), pressed({ name: 'end' }), size, undefined);
    expect(text(end)).toContain(`${101 - pageOf(size)}-100 of 100`);
    expect(text(end)).toContain('guest-099');
  });

  it('end it, also while something is typed', () => {
    const effectOf = (settings: Settings, key: Parameters<typeof press>[1]) =>
      press(settings, key, PAGE).effect;
    const ctrl = (name: string) => ({ name, ctrl: true });
    expect(effectOf(SETTINGS, { char: 'q' })).toBe('quit');
    expect(effectOf(pressed({ char: '/' }), { char: 'q' })).toBeUndefined();
    expect(effectOf(pressed({ char: '/' }), ctrl('c'))).toBe('interrupt');
    expect(effectOf(SETTINGS, ctrl('z'))).toBe('suspend');
    expect(effectOf(SETTINGS, ctrl('l'))).toBe('refresh');
    expect(effectOf(pressed({ char: ' ' }), { char: ' ' })).toBe('refresh');
    expect(pressed({ char: 'h' }).help).toBe(true);
    expect(pressed({ char: 'h' }, { char: 'q' })).toEqual(SETTINGS);
  });
});
