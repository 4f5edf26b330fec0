/**
 * Globs over names: `*` is any characters or none, `?` one character, `[a-z]` one of a set, `[!a-z]` one outside it, and a
 * backslash takes a special character as itself. Every character counts alike, `/` and a leading dot too; case counts.
 *
 * Not a regular expression underneath: a glob of eight stars, turned into one, takes seconds on a name of forty characters.
 * Matching here takes at most glob length times name length steps.
 */

/** Inclusive range of code points. */
type Range = readonly [number, number];
/** `*`, or one character out of some ranges. */
type Token = typeof STAR | readonly Range[];

const STAR = Symbol('any characters');
const ANY: readonly Range[] = [[0, 0x10ffff]];

export interface Glob {
  readonly text: string;
  readonly tokens: readonly Token[];
}

/** Reads a glob, or says what in it is not allowed. */
export function parseGlob(text: string): { readonly glob: Glob } | { readonly problem: string } {
  if (text.startsWith('!')) {
    return {
      problem: "a leading '!' does not negate; put the glob under exclude, or write \\! for the character",
    };
  }
  const characters = Array.from(text);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    const next = characters[at + 1];
    if (character === '\\') {
      if (next === undefined) return { problem: 'the glob ends in a backslash' };
      tokens.push(literal(next));
      at++;
    } else if (character === '{' || character === '}') {
      return {
        problem: `'${character}' has no meaning in a glob; list the alternatives one by one, or write \\${character}`,
      };
    } else if ('?*+@!'.includes(character) && next === '(') {
      return {
        problem: `'${character}(' is an extended glob, which is not supported; write ${character}\\( for the characters`,
      };
    } else if (character === '[') {
      const close = characters.indexOf(']', at + 2);
      if (close === -1) return { problem: "a '[' is not closed; write \\[ for the character" };
      const set = parseSet(characters.slice(at + 1, close));
      if ('problem' in set) return set;
      tokens.push(set.ranges);
      at = close;
    } else if (character === '*') {
      if (tokens.at(-1) !== STAR) tokens.push(STAR);
    } else {
      tokens.push(character === '?' ? ANY : literal(character));
    }
  }
  return { glob: { text, tokens } };
}

function literal(character: string): readonly Range[] {
  const code = character.codePointAt(0) ?? 0;
  return [[code, code]];
}

function parseSet(
  inside: readonly string[],
): { readonly ranges: readonly Range[] } | { readonly problem: string } {
  const negated = inside[0] === '!' || inside[0] === '^';
  const members = negated ? inside.slice(1) : inside;
  const text = `[${inside.join('')}]`;
  if (members.length === 0) return { problem: `'${text}' is an empty set` };
  if (members.includes('\\') || members.includes('['))
    return { problem: `'${text}': no backslash and no [ inside a set` };
  const ranges: Range[] = [];
  for (let at = 0; at < members.length; at++) {
    const from = members[at]?.codePointAt(0) ?? 0;
    const isRange = members[at + 1] === '-' && at + 2 < members.length;
    const to = isRange ? (members[at + 2]?.codePointAt(0) ?? 0) : from;
    if (to < from) return { problem: `'${text}': the range runs backwards` };
    ranges.push([from, to]);
    if (isRange) at += 2;
  }
  if (!negated) return { ranges };
  const outside = complement(ranges);
  return outside.length === 0 ? { problem: `'${text}' matches no character` } : { ranges: outside };
}

function complement(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  let from = 0;
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (low > from) result.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  if (from <= 0x10ffff) result.push([from, 0x10ffff]);
  return result;
}

export function globMatches({ tokens }: Glob, name: string): boolean {
  const codes = Array.from(name, character => character.codePointAt(0) ?? 0);
  let [token, code] = [0, 0];
  // Where to resume when a literal fails: the last star, taking one more character. Earlier stars need no second try.
  let [starToken, starCode] = [-1, 0];
  while (code < codes.length) {
    const current = tokens[token];
    if (current === STAR) {
      [starToken, starCode] = [token++, code];
    } else if (current !== undefined && contains(current, codes[code] ?? 0)) {
      token++;
      code++;
    } else if (starToken !== -1) {
      token = starToken + 1;
      code = ++starCode;
    } else {
      return false;
    }
  }
  while (tokens[token] === STAR) token++;
  return token === tokens.length;
}

function contains(ranges: readonly Range[], code: number): boolean {
  return ranges.some(([low, high]) => low <= code && code <= high);
}

function share(a: readonly Range[], b: readonly Range[]): boolean {
  return a.some(([low, high]) => b.some(([otherLow, otherHigh]) => low <= otherHigh && otherLow <= high));
}

/**
 * True when some name matches both globs.
 *
 * Row i, column j: the first i tokens of `a` and the first j of `b` can match the same text. A star moves on alone, or together
 * with any character that the other side takes.
 */
export function globsIntersect(a: Glob, b: Glob): boolean {
  const [rows, columns] = [a.tokens, b.tokens];
  if (endsDiffer(rows, columns)) return false;
  let row = firstRow(columns);
  for (const token of rows) {
    const next: boolean[] = [token === STAR && row[0] === true];
    for (const [j, other] of columns.entries()) {
      const [diagonal, above, left] = [row[j] === true, row[j + 1] === true, next[j] === true];
      next.push(token === STAR || other === STAR ? above || left : diagonal && share(token, other));
    }
    if (!next.includes(true)) return false;
    row = next;
  }
  return row[columns.length] === true;
}

/**
 * True when the characters before the first star of either, or those behind the last one, keep the two apart. Most globs of a
 * large set are names with a star at one end.
 */
function endsDiffer(a: readonly Token[], b: readonly Token[]): boolean {
  return startsDiffer(a, b, at => at) || startsDiffer(a, b, at => -1 - at);
}

function startsDiffer(a: readonly Token[], b: readonly Token[], index: (at: number) => number): boolean {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const token = a.at(index(at));
    const other = b.at(index(at));
    if (token === undefined || other === undefined || token === STAR || other === STAR) return false;
    if (!share(token, other)) return true;
  }
  return false;
}

function firstRow(columns: readonly Token[]): boolean[] {
  const row = [true];
  for (const token of columns) row.push(row.at(-1) === true && token === STAR);
  return row;
}

/** True when every name that matches `b` is known to match `a`: `b` is the same glob, or a plain name that `a` matches. */
export function globCovers(a: Glob, b: Glob): boolean {
  if (a.text === b.text || (a.tokens.length === 1 && a.tokens[0] === STAR)) return true;
  const name = plainName(b);
  return name !== undefined && globMatches(a, name);
}

function plainName({ tokens }: Glob): string | undefined {
  const codes: number[] = [];
  for (const token of tokens) {
    const [range, ...more] = token === STAR ? [] : token;
    if (range === undefined || more.length > 0 || range[0] !== range[1]) return undefined;
    codes.push(range[0]);
  }
  return String.fromCodePoint(...codes);
}
