/** What is remembered of the guests of one tick. */
import type { GuestMemory } from './state.ts';

/** Which guests there are, in the order of their snapshot. */
interface Places {
  readonly uuids: readonly string[];
  readonly byUuid: ReadonlyMap<string, number>;
}

/**
 * The memories of guests by uuid, and by place. Guests come in the same order tick after tick: ticks share what tells one guest from
 * the other, and each has only a row of its own. A map made anew each tick costs a twentieth of the whole decision.
 */
export class Memories implements ReadonlyMap<string, GuestMemory> {
  readonly #places: Places;
  readonly #row: readonly GuestMemory[];

  private constructor(places: Places, row: readonly GuestMemory[]) {
    this.#places = places;
    this.#row = row;
  }

  /** Where a uuid is there twice, the last one counts. */
  static of(entries: Iterable<readonly [string, GuestMemory]>): Memories {
    const all = new Map(entries);
    const uuids = [...all.keys()];
    const byUuid = new Map(uuids.map((uuid, place) => [uuid, place]));
    return new Memories({ uuids, byUuid }, [...all.values()]);
  }

  /** Other memories of the same guests, in their order. */
  with(row: readonly GuestMemory[]): Memories {
    return new Memories(this.#places, row);
  }

  /** The memory of the guest at this place; undefined where another one stands there. */
  at(place: number, uuid: string): GuestMemory | undefined {
    return this.#places.uuids[place] === uuid ? this.#row[place] : undefined;
  }

  get size(): number {
    return this.#row.length;
  }

  get(uuid: string): GuestMemory | undefined {
    const place = this.#places.byUuid.get(uuid);
    return place === undefined ? undefined : this.#row[place];
  }

  has(uuid: string): boolean {
    return this.#places.byUuid.has(uuid);
  }

  keys(): MapIterator<string> {
    return this.#places.byUuid.keys();
  }

  values(): ArrayIterator<GuestMemory> {
    return this.#row.values();
  }

  *entries(): MapIterator<[string, GuestMemory]> {
    for (const [place, memory] of this.#row.entries()) yield [this.#places.uuids[place] ?? '', memory];
  }

  [Symbol.iterator](): MapIterator<[string, GuestMemory]> {
    return this.entries();
  }

  forEach(tell: (memory: GuestMemory, uuid: string, all: ReadonlyMap<string, GuestMemory>) => void): void {
    for (const [uuid, memory] of this) tell(memory, uuid, this);
  }
}
