/** Text with meaning for a terminal: what a style means is said here once, and colour is only one of its carriers. */

/** `take` and `good` are the two directions of a move; `bar` is the line of titles. */
export type Style = 'strong' | 'dim' | 'good' | 'take' | 'warn' | 'bad' | 'bar';

export interface Span {
  readonly text: string;
  readonly style?: Style | undefined;
}

export type Line = readonly Span[];

/** ECMA-48, select graphic rendition. Those of the second table are no colours, and stay with NO_COLOR. */
const COLOURS: Readonly<Record<Style, string>> = {
  strong: '1',
  dim: '2',
  good: '32',
  take: '36',
  warn: '33',
  bad: '1;31',
  bar: '7',
};
const PLAIN: Readonly<Partial<Record<Style, string>>> = { strong: '1', bad: '1', bar: '7' };

/** A line for a terminal, cut to its width. */
export function ansiLine(line: Line, width: number, colour: boolean): string {
  let left = width;
  let out = '';
  for (const { text, style } of line) {
    const cut = cutTo(text, left);
    left -= widthOf(cut);
    const code = style === undefined ? undefined : (colour ? COLOURS : PLAIN)[style];
    out += code === undefined ? cut : `\x1b[${code}m${cut}\x1b[0m`;
  }
  return out;
}

export function plainLine(line: Line): string {
  return line
    .map(({ text }) => text)
    .join('')
    .trimEnd();
}

/** Cells that a text takes on a terminal. Names of guests may be in any script. */
export function widthOf(text: string): number {
  let cells = 0;
  for (const char of text) cells += cellsOf(char);
  return cells;
}

/** What is no text, and would do something to a terminal, is shown as a question mark. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?');
}

/** Cut to a width, with a mark where it was cut. */
function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let out = '';
  let cells = 0;
  for (const char of text) {
    const next = cells + cellsOf(char);
    if (next > width - 1) break;
    out += char;
    cells = next;
  }
  return width > 0 ? `${out}…` : '';
}

/** Cut or filled up to a width. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutTo(text, width);
  const blanks = ' '.repeat(Math.max(0, width - widthOf(cut)));
  return align === 'right' ? blanks + cut : cut + blanks;
}

const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u;
const COMBINING = /\p{Mn}|\p{Me}/u;

/** Unicode Standard Annex 11: wide and full-width characters take two cells; marks that combine take none. */
function cellsOf(char: string): number {
  if (char <= '~') return 1;
  if (COMBINING.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}
