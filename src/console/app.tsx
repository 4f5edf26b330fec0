import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { EventsView } from './events-view.tsx';
import { GuestView } from './guest-view.tsx';
import { GuestsView } from './guests-view.tsx';
import { Header } from './header.tsx';
import { HostView } from './host-view.tsx';
import { PoliciesView } from './policies-view.tsx';
import { route } from './route.ts';
import { announcement } from './store.ts';
import { TokenDialog } from './token-dialog.tsx';
import { WhatIfView } from './what-if-view.tsx';

export function App() {
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to content
      </button>
      <Header />
      <Main />
      <div class="unseen" role="status" aria-live="polite">
        {announcement}
      </div>
      <TokenDialog />
    </>
  );
}

/** A button: the fragment of an address names the view, and cannot also name a place in it. */
function skip(): void {
  document.getElementById('main')?.focus();
}

const VIEWS: Readonly<Record<string, readonly [title: string, view: ComponentType]>> = {
  host: ['Host', HostView],
  guests: ['Guests', GuestsView],
  policies: ['Policies', PoliciesView],
  'what-if': ['What if', WhatIfView],
  events: ['Events', EventsView],
};

function Main() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const { view, argument } = route.value;
  const [title, View] = (argument === '' ? VIEWS[view] : undefined) ?? [argument, undefined];
  const isGuest = view === 'guests' && argument !== '';

  useEffect(() => {
    document.title = title === '' ? 'Ballonet' : `${title} · Ballonet`;
    // Whoever follows a link by keyboard or ear goes on at the new view; the first one is where they are anyway.
    if (!first.current) main.current?.focus({ preventScroll: true });
    if (!first.current) scrollTo(0, 0);
    first.current = false;
  }, [title]);

  return (
    <main id="main" ref={main} tabIndex={-1}>
      {View !== undefined ? (
        <View />
      ) : isGuest ? (
        <GuestView key={argument} domain={argument} />
      ) : (
        <NotFound />
      )}
    </main>
  );
}

function NotFound() {
  return (
    <section class="card">
      <h1>There is no such view</h1>
      <p>
        <a href="#/">To the host</a>
      </p>
    </section>
  );
}
