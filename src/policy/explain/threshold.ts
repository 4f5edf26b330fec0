/** Shares of the way that are tried before the exact place is looked for. */
const LOOKS = [0, 1 / 64, 1 / 16, 1 / 4, 1 / 2, 1];

/**
 * The least of 1 to `count` for which something holds that, once it holds, mostly goes on holding. One for which it holds is
 * always given back; where it holds here and there only, it may not be the least, or not be found.
 *
 * @param holds is asked some fifteen times
 */
export function threshold(count: number, holds: (index: number) => boolean): number | undefined {
  let below = 0;
  for (const share of LOOKS) {
    const look = Math.max(below + 1, Math.round(count * share));
    if (look > count) continue;
    if (!holds(look)) {
      below = look;
      continue;
    }
    let least = look;
    while (least - below > 1) {
      const middle = Math.floor((below + least) / 2);
      if (holds(middle)) least = middle;
      else below = middle;
    }
    return least;
  }
  return undefined;
}
