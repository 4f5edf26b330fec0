/**
 * JSON with exact integers. QEMU writes 64-bit integers (18446744073709551615 is its mark for "not known"), and JSON.parse
 * would round those above 2^53-1 without a word.
 */
import { BallonetError } from '../../model/errors.ts';

/** An integer is a number up to 2^53-1 and a bigint beyond; an object is a map, so that no key can mean anything to us. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

/** QMP's replies nest four deep; the limit is what keeps a hostile text from using up the stack. */
const DEPTH_MAX = 64;
/** Digits of the longest 64-bit integer. */
const INTEGER_DIGITS_MAX = 20;

const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const BLANKS = /[ \t\r\n]*/y;
const LITERALS = [
  ['null', null],
  ['true', true],
  ['false', false],
] as const;

/**
 * Reads one JSON text (RFC 8259), nothing before or after it but blanks.
 *
 * @throws BallonetError PROTOCOL when it is malformed, names a key twice, nests deeper than 64, or has an integer of more than
 *   64 bits or a number beyond a double's range.
 */
export function parseJson(text: string): Json {
  const { value, end } = readValue(text, 0, 0);
  const rest = skipBlanks(text, end);
  if (rest !== text.length) throw malformed('text after the value', rest);
  return value;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map;
}

/** A field of an object; undefined when it is missing or `value` is no object. */
export function fieldOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) ? value.get(name) : undefined;
}

interface Read<T extends Json> {
  readonly value: T;
  /** Where the text goes on. */
  readonly end: number;
}

function readValue(text: string, from: number, depth: number): Read<Json> {
  if (depth > DEPTH_MAX) throw malformed(`more than ${DEPTH_MAX} levels`, from);
  const at = skipBlanks(text, from);
  switch (text.charAt(at)) {
    case '{':
      return readObject(text, at, depth);
    case '[':
      return readArray(text, at, depth);
    case '"':
      return readString(text, at);
    default:
      return readLiteral(text, at) ?? readNumber(text, at);
  }
}

function readObject(text: string, start: number, depth: number): Read<JsonObject> {
  const object = new Map<string, Json>();
  let at = skipBlanks(text, start + 1);
  if (text[at] === '}') return { value: object, end: at + 1 };
  for (;;) {
    const key = readString(text, at);
    if (object.has(key.value)) throw malformed('a key for the second time', at);
    at = skipBlanks(text, key.end);
    if (text[at] !== ':') throw malformed('no colon', at);
    const { value, end } = readValue(text, at + 1, depth + 1);
    object.set(key.value, value);
    at = skipBlanks(text, end);
    if (text[at] === '}') return { value: object, end: at + 1 };
    if (text[at] !== ',') throw malformed('neither a comma nor an end', at);
    at = skipBlanks(text, at + 1);
  }
}

function readArray(text: string, start: number, depth: number): Read<readonly Json[]> {
  const items: Json[] = [];
  let at = skipBlanks(text, start + 1);
  if (text[at] === ']') return { value: items, end: at + 1 };
  for (;;) {
    const { value, end } = readValue(text, at, depth + 1);
    items.push(value);
    at = skipBlanks(text, end);
    if (text[at] === ']') return { value: items, end: at + 1 };
    if (text[at] !== ',') throw malformed('neither a comma nor an end', at);
    at += 1;
  }
}

function readString(text: string, start: number): Read<string> {
  if (text[start] !== '"') throw malformed('no string', start);
  let escaped = false;
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      const end = at + 1;
      return { value: escaped ? unescaped(text.slice(start, end), start) : text.slice(start + 1, at), end };
    }
    if (code < 0x20) throw malformed('a control character', at);
    if (code === 0x5c) {
      escaped = true;
      at += 1;
    }
  }
  throw malformed('a string without an end', start);
}

function unescaped(literal: string, at: number): string {
  try {
    return String(JSON.parse(literal));
  } catch (cause) {
    throw malformed('a bad escape', at, cause);
  }
}

function readLiteral(text: string, at: number): Read<null | boolean> | undefined {
  for (const [word, value] of LITERALS) {
    if (text.startsWith(word, at)) return { value, end: at + word.length };
  }
  return undefined;
}

function readNumber(text: string, at: number): Read<number | bigint> {
  NUMBER.lastIndex = at;
  const match = NUMBER.exec(text);
  if (!match) throw malformed('no value', at);
  const [digits, whole = '', fraction, exponent] = match;
  const end = at + digits.length;
  const value = Number(digits);
  if (fraction === undefined && exponent === undefined) {
    if (Number.isSafeInteger(value)) return { value: value + 0, end };
    if (whole.length > INTEGER_DIGITS_MAX) throw malformed('an integer of more than 64 bits', at);
    return { value: BigInt(digits), end };
  }
  if (!Number.isFinite(value)) throw malformed('a number out of range', at);
  return { value, end };
}

function skipBlanks(text: string, at: number): number {
  BLANKS.lastIndex = at;
  BLANKS.test(text);
  return BLANKS.lastIndex;
}

function malformed(what: string, at: number, cause?: unknown): BallonetError {
  return new BallonetError('PROTOCOL', `QEMU sent JSON with ${what} at character ${at}`, { cause });
}
