/**
 * Questions about many items, asked in batches, when an item may swallow the answer to its whole batch (H30).
 *
 * libvirt's NOWAIT passes over a domain that a job holds, not over one whose QEMU has just come to hang: the first call that
 * meets it waits there for good, holding its job (qemuDomainGetStatsBalloon in src/qemu/qemu_driver.c), and every later call passes
 * over it. So where no answer has come for a while, the items that are missing are asked one by one: each of those that hang costs one
 * call, and none costs its neighbours more than that while.
 */

/** One asking. It fails when its deadline is over. */
export type Ask<T, R> = (items: readonly T[]) => Promise<readonly R[]>;

export interface RoundsOptions {
  /** Without any answer for this long, what is missing is asked again. */
  readonly lateMs: number;
}

/**
 * Asks the batches; of each, what all its items answered, in their order.
 *
 * @param again makes the asking of one more round; those of earlier rounds are then of no more use
 * @returns one result for each batch: it fails when its first asking does, unless its items were answered one by one before
 */
export function askedInRounds<T, R>(
  batches: readonly (readonly T[])[],
  first: Ask<T, R>,
  again: () => Promise<Ask<T, R>>,
  { lateMs }: RoundsOptions,
): Promise<PromiseSettledResult<readonly R[]>[]> {
  const parts = batches.map(items => new Part<T, R>(items));
  let over = false;
  // Starts anew with each answer: a host that is slow and goes on is not asked twice.
  const timer = setTimeout(() => void nextRound(), lateMs);

  async function nextRound(): Promise<void> {
    let ask: Ask<T, R>;
    try {
      ask = await again();
    } catch {
      // The first askings have their deadlines.
      ask = first;
    }
    if (over) return;
    for (const part of parts) {
      for (const item of part.missing()) {
        ask([item]).then(
          answers => {
            part.answer(item, answers);
            timer.refresh();
          },
          () => {},
        );
      }
    }
    timer.refresh();
  }

  for (const part of parts) {
    first(part.items).then(
      answers => {
        part.finish(answers);
        timer.refresh();
      },
      error => part.fail(error),
    );
  }
  return Promise.allSettled(parts.map(({ result }) => result)).finally(() => {
    over = true;
    clearTimeout(timer);
  });
}

/** One batch and what is known of it. What settles it first is final. */
class Part<T, R> {
  readonly items: readonly T[];
  readonly result: Promise<readonly R[]>;
  readonly #answers = new Map<T, readonly R[]>();
  #settled = false;
  #resolve: (answers: readonly R[]) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(items: readonly T[]) {
    this.items = items;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  missing(): readonly T[] {
    return this.#settled ? [] : this.items.filter(item => !this.#answers.has(item));
  }

  answer(item: T, answers: readonly R[]): void {
    this.#answers.set(item, answers);
    if (this.#answers.size === this.items.length)
      this.finish(this.items.flatMap(each => this.#answers.get(each) ?? []));
  }

  finish(answers: readonly R[]): void {
    this.#settled = true;
    this.#resolve(answers);
  }

  fail(error: unknown): void {
    this.#settled = true;
    this.#reject(error);
  }
}
