/**
 * A limit on how long one turn of the event loop may be spent on a stream. libuv hands over up to 32 chunks in a row, so
 * the replies of a large host could otherwise hold up timers and everything else.
 */
export class TurnBudget {
  readonly #limitMs: number;
  #turnBegan: number | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** To be asked after each piece of work; true when the turn has had its share. */
  get spent(): boolean {
    return this.#turnBegan !== undefined && performance.now() - this.#turnBegan > this.#limitMs;
  }

  /** To be called before each piece of work. */
  begin(): void {
    if (this.#turnBegan !== undefined) return;
    this.#turnBegan = performance.now();
    setImmediate(() => {
      this.#turnBegan = undefined;
    });
  }
}
