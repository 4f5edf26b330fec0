/** What the person at `top` has chosen, and what each key changes of it. */
import type { Seconds } from '../../model/units.ts';
import { SORT_KEYS, type SortKey, sortKeyOfLetter } from './columns.ts';

export interface Settings {
  readonly sort: SortKey;
  /** The other way round than is usual for the key. */
  readonly reversed: boolean;
  /** What the lines must contain; empty for all. */
  readonly filter: string;
  readonly delay: Seconds;
  readonly paused: boolean;
  /** Lines that are scrolled past. */
  readonly offset: number;
  readonly help: boolean;
  /** What is being typed. */
  readonly prompt?: { readonly for: 'filter' | 'delay'; readonly text: string };
}

/** A key, as node:readline names it. */
export interface Key {
  readonly name?: string | undefined;
  readonly ctrl?: boolean | undefined;
  /** The character, when it is one that can be printed. */
  readonly char?: string | undefined;
}

/** What a key asks for beside other settings. */
type Effect = 'quit' | 'interrupt' | 'suspend' | 'refresh';

export interface Pressed {
  readonly settings: Settings;
  readonly effect?: Effect;
}

export const DELAY_MIN: Seconds = 0.1;
export const DELAY_MAX: Seconds = 3600;

/** Seconds between two looks, as they are typed; undefined when they are none that can be kept. */
export function parseDelay(text: string): Seconds | undefined {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return seconds >= DELAY_MIN && seconds <= DELAY_MAX ? seconds : undefined;
}

/** @param page lines that a screen has for guests */
export function press(settings: Settings, key: Key, page: number): Pressed {
  if (key.ctrl === true) {
    if (key.name === 'c') return { settings, effect: 'interrupt' };
    if (key.name === 'z') return { settings, effect: 'suspend' };
    if (key.name === 'l') return { settings, effect: 'refresh' };
    return { settings };
  }
  if (settings.prompt !== undefined) return { settings: typed(settings, settings.prompt, key) };
  if (settings.help) return { settings: { ...settings, help: false } };
  return command(settings, key, page);
}

function command(settings: Settings, key: Key, page: number): Pressed {
  const moved = (lines: number): Pressed => ({
    settings: { ...settings, offset: Math.max(0, settings.offset + lines) },
  });
  switch (key.name ?? '') {
    case 'up':
      return moved(-1);
    case 'down':
      return moved(1);
    case 'pageup':
      return moved(-page);
    case 'pagedown':
      return moved(page);
    case 'home':
      return moved(Number.NEGATIVE_INFINITY);
    case 'end':
      // Whoever draws knows how many lines there are.
      return { settings: { ...settings, offset: Number.MAX_SAFE_INTEGER } };
    case 'left':
      return { settings: sorted(settings, nextKey(settings.sort, -1)) };
    case 'right':
      return { settings: sorted(settings, nextKey(settings.sort, 1)) };
    case 'escape':
      return { settings: { ...settings, filter: '', offset: 0 } };
    default:
      return letter(settings, key.char ?? '');
  }
}

function letter(settings: Settings, char: string): Pressed {
  switch (char) {
    case 'q':
      return { settings, effect: 'quit' };
    case 'h':
    case '?':
      return { settings: { ...settings, help: true } };
    case ' ':
    case 'p':
      // What is seen after a pause is the present.
      return {
        settings: { ...settings, paused: !settings.paused },
        ...(settings.paused ? { effect: 'refresh' } : {}),
      };
    case 's':
      return { settings: sorted(settings, nextKey(settings.sort, 1)) };
    case 'r':
      return { settings: { ...settings, reversed: !settings.reversed } };
    case '/':
      return { settings: { ...settings, prompt: { for: 'filter', text: settings.filter } } };
    case 'd':
      return { settings: { ...settings, prompt: { for: 'delay', text: '' } } };
    default: {
      const key = sortKeyOfLetter(char);
      return { settings: key === undefined ? settings : sorted(settings, key) };
    }
  }
}

function sorted(settings: Settings, sort: SortKey): Settings {
  return { ...settings, sort, reversed: false };
}

function nextKey(key: SortKey, step: number): SortKey {
  const at = (SORT_KEYS.indexOf(key) + step + SORT_KEYS.length) % SORT_KEYS.length;
  return SORT_KEYS[at] ?? key;
}

function typed(settings: Settings, prompt: NonNullable<Settings['prompt']>, key: Key): Settings {
  const { prompt: _, ...rest } = settings;
  switch (key.name ?? '') {
    case 'escape':
      return rest;
    case 'return':
    case 'enter':
      return prompt.for === 'filter'
        ? { ...rest, filter: prompt.text, offset: 0 }
        : { ...rest, delay: parseDelay(prompt.text) ?? rest.delay };
    case 'backspace':
      return { ...settings, prompt: { ...prompt, text: prompt.text.replace(/.$/su, '') } };
    default:
      return key.char === undefined
        ? settings
        : { ...settings, prompt: { ...prompt, text: prompt.text + key.char } };
  }
}
