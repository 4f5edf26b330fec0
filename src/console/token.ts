/** The bearer token of this tab. It is in sessionStorage alone: it ends with the tab, and is never part of an address. */
import { signal } from '@preact/signals';

const KEY = 'ballonet.token';

/** What the daemon says of the token: `wanted` and `refused` stop everything until there is another one. */
export const tokenState = signal<'fine' | 'wanted' | 'refused'>('fine');

export function token(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export function setToken(value: string): void {
  sessionStorage.setItem(KEY, value);
  tokenState.value = 'fine';
}

/** The daemon has answered 401. Several requests may be refused for one token: it stays refused. */
export function noteRefusal(
  state: 'wanted' | 'refused' = token() === undefined ? 'wanted' : 'refused',
): void {
  if (tokenState.value !== 'refused') tokenState.value = state;
  sessionStorage.removeItem(KEY);
}
