import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { settledWithSecondAsk } from './second-ask.ts';

const LATE_MS = 100;

/** A question that answers its n-th asking after so many milliseconds: a number of them, or an error. */
function question(...times: readonly (readonly [ms: number, answer: string | Error])[]) {
  const asked: number[] = [];
  return {
    asked,
    ask: () => {
      const [ms, answer] = times[asked.length] ?? [1e9, 'never'];
      asked.push(Date.now());
      return new Promise<string>((resolve, reject) => {
        setTimeout(() => (typeof answer === 'string' ? resolve(answer) : reject(answer)), ms);
      });
    },
  };
}

describe('questions', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function settled(...questions: readonly ReturnType<typeof question>[]) {
    const results = settledWithSecondAsk(
      questions.map(({ ask }) => ask),
      LATE_MS,
    );
    let at: number | undefined;
    results.then(
      () => {
        at = Date.now();
      },
      () => {},
    );
    await vi.advanceTimersByTimeAsync(5000);
    return { answers: (await results).map(result => ('value' in result ? result.value : result.reason)), at };
  }

  it('are asked once while answers keep coming, however long all of them take', async () => {
    const questions = [90, 180, 270].map(ms => question([ms, `after ${ms}`]));
    expect(await settled(...questions)).toEqual({
      answers: ['after 90', 'after 180', 'after 270'],
      at: 270,
    });
    expect(questions.map(({ asked }) => asked.length)).toEqual([1, 1, 1]);
  });

  it('are asked once more when no answer came for a while, those that are missing only', async () => {
    const [quick, stuck] = [question([50, 'quick']), question([4000, 'late'], [10, 'second'])];
    expect(await settled(quick, stuck)).toEqual({ answers: ['quick', 'second'], at: 160 });
    expect([quick.asked, stuck.asked]).toEqual([[0], [0, 150]]);
  });

  it('are not asked a third time', async () => {
    const stuck = question([2000, 'first']);
    expect(await settled(stuck)).toEqual({ answers: ['first'], at: 2000 });
    expect(stuck.asked).toHaveLength(2);
  });

  it('fail when their first asking does, at its deadline, whatever becomes of the second', async () => {
    const error = new Error('no answer in time');
    const stuck = question([1000, error], [3000, 'too late']);
    expect(await settled(stuck)).toEqual({ answers: [error], at: 1000 });
  });

  it('are answered by their first asking when the second is refused', async () => {
    const refused = question([1000, 'first'], [10, new Error('refused')]);
    expect(await settled(refused)).toEqual({ answers: ['first'], at: 1000 });
  });
});
