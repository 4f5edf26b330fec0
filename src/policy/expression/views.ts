/** The objects that expressions read while they run: refilled before each run, never made anew. */
import type { Scope } from './expression.ts';
import type { NamePath } from './syntax.ts';

/** One object, with the views of those below it that are objects themselves. */
export interface View {
  readonly object: Record<string, unknown>;
  readonly below: ReadonlyMap<string, View>;
}

/**
 * A function that copies one value from the caller's scope into the view, and says whether there was one; what is absent, or no
 * finite number, is absent in the view too.
 */
export function fillerOf(path: NamePath, views: View): (scope: Scope) => boolean {
  const leaf = path.at(-1) ?? '';
  const above = path.slice(0, -1);
  const target = above.reduce<View | undefined>((view, step) => view?.below.get(step), views)?.object ?? {};
  return scope => {
    let at: unknown = scope;
    for (const step of above) at = isRecord(at) ? at[step] : undefined;
    const value = isRecord(at) ? at[leaf] : undefined;
    const present = typeof value === 'number' ? Number.isFinite(value) : value !== undefined;
    target[leaf] = present ? value : undefined;
    return present;
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
