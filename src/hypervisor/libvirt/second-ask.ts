/** Questions that are asked once more when the answers stop coming. */

/**
 * Asks all; when for `lateMs` none was answered, those that are missing are asked once more, and the first answer counts.
 * A question still ends at its own deadline: the failure of its first asking is final, that of the second is nothing.
 */
export function settledWithSecondAsk<T>(
  asks: readonly (() => Promise<T>)[],
  lateMs: number,
): Promise<PromiseSettledResult<T>[]> {
  const late = new AbortController();
  // Starts anew with each answer: a host that is slow and goes on is not asked twice.
  const timer = setTimeout(() => late.abort(), lateMs);
  const answers = asks.map(async ask => {
    try {
      return await firstAnswer(ask, late.signal);
    } finally {
      timer.refresh();
    }
  });
  return Promise.allSettled(answers).finally(() => clearTimeout(timer));
}

function firstAnswer<T>(ask: () => Promise<T>, late: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const again = (): void => {
      ask().then(resolve, () => {});
    };
    late.addEventListener('abort', again, { once: true });
    ask()
      .then(resolve, reject)
      .finally(() => late.removeEventListener('abort', again));
  });
}
