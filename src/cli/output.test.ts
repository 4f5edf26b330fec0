import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Listing, OUTPUT_FORMATS, renderListing } from './output.ts';

const LISTING: Listing<{ name: string; size: number }> = {
  kind: 'ThingList',
  rows: [
    { name: 'a', size: 5 },
    { name: 'longer', size: 1234 },
  ],
  columns: [
    { title: 'SIZE', value: row => String(row.size), align: 'right' },
    { title: 'NAME', value: row => row.name },
    { title: 'MORE', value: () => 'more', wide: true },
  ],
  name: row => row.name,
  object: row => row,
};

describe('listing', () => {
  it('aligns a table and leaves no blanks at line ends', () => {
    expect(renderListing(LISTING, 'table')).toBe('SIZE  NAME\n   5  a\n1234  longer\n');
  });

  it('shows more columns when asked for a wide one', () => {
    expect(renderListing(LISTING, 'wide').split('\n')[0]).toBe('SIZE  NAME    MORE');
  });

  it('gives JSON and YAML the same document, with apiVersion and kind', () => {
    const json: unknown = JSON.parse(renderListing(LISTING, 'json'));
    expect(json).toEqual({ apiVersion: 'ballonet/v1', kind: 'ThingList', items: LISTING.rows });
    expect(parse(renderListing(LISTING, 'yaml'))).toEqual(json);
  });

  it('prints bare names for loops in a shell', () => {
    expect(renderListing(LISTING, 'name')).toBe('a\nlonger\n');
  });

  it.each(OUTPUT_FORMATS)('has an empty form in %s', format => {
    expect(() => renderListing({ ...LISTING, rows: [] }, format)).not.toThrow();
  });
});
