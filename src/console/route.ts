/** Which view is shown, by the address's fragment: the daemon need not know of views, and Back works. */
import { signal } from '@preact/signals';

export interface Route {
  readonly view: string;
  /** What comes after the view: the name of a guest. */
  readonly argument: string;
  readonly query: URLSearchParams;
}

function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view = '', ...rest] = path.split('/');
  return {
    view: view === '' ? 'host' : view,
    argument: decode(rest.join('/')),
    query: new URLSearchParams(query),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = signal(parseRoute(location.hash));

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

export function guestHref(domain: string): string {
  return `#/guests/${encodeURIComponent(domain)}`;
}

export function sourceHref({ file, line }: { readonly file: string; readonly line: number }): string {
  return `#/policies?${new URLSearchParams({ file, line: String(line) }).toString()}`;
}
