/**
 * Parameters of bulk records that share their names: a host's records have one or two layouts, so a record needs no more
 * than its values. A Map for each would cost a third of a collection's processor time, most of it garbage collection.
 */
import type { StatValue } from '../driver.ts';
import type { InternedString } from './xdr.ts';

/** A host has few kinds of records: guests with and without a balloon driver, and those of older QEMUs. */
const LAYOUTS_MAX = 8;

/** The names of a record's parameters, in its order. */
export class Layout {
  readonly names: readonly InternedString[];
  /** Where the value of a name is: the last of them if the name is there more than once. */
  readonly places: ReadonlyMap<string, number>;

  constructor(names: readonly InternedString[]) {
    this.names = names;
    this.places = new Map(names.map(({ text }, place) => [text, place]));
  }
}

/** The layouts seen last, by their number of parameters. One a connection. */
export class Layouts {
  readonly #byCount = new Map<number, Layout>();

  get(count: number): Layout | undefined {
    return this.#byCount.get(count);
  }

  /** Keeps a layout and gives it back. */
  keep(layout: Layout): Layout {
    if (this.#byCount.size >= LAYOUTS_MAX && !this.#byCount.has(layout.names.length)) this.#byCount.clear();
    this.#byCount.set(layout.names.length, layout);
    return layout;
  }
}

/** One record's parameters: a layout, and a value for each of its places. */
export class BulkParams implements ReadonlyMap<string, StatValue> {
  readonly #places: ReadonlyMap<string, number>;
  readonly #values: readonly StatValue[];

  constructor(layout: Layout, values: readonly StatValue[]) {
    this.#places = layout.places;
    this.#values = values;
  }

  get size(): number {
    return this.#places.size;
  }

  get(name: string): StatValue | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : this.#values[place];
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  forEach(callback: (value: StatValue, name: string, params: ReadonlyMap<string, StatValue>) => void): void {
    for (const [name, value] of this.#map()) callback(value, name, this);
  }

  entries(): MapIterator<[string, StatValue]> {
    return this.#map().entries();
  }

  keys(): MapIterator<string> {
    return this.#map().keys();
  }

  values(): MapIterator<StatValue> {
    return this.#map().values();
  }

  [Symbol.iterator](): MapIterator<[string, StatValue]> {
    return this.entries();
  }

  /** For those who want all of them, which is not on the hot path. */
  #map(): Map<string, StatValue> {
    const map = new Map<string, StatValue>();
    for (const [name, place] of this.#places) {
      const value = this.#values[place];
      if (value !== undefined) map.set(name, value);
    }
    return map;
  }
}
