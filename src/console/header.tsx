import { duration, percent, size } from './format.ts';
import { route } from './route.ts';
import { connection, snapshot, status } from './store.ts';
import { type Choice, choice, choose } from './theme.ts';

const VIEWS = [
  ['host', 'Host'],
  ['guests', 'Guests'],
  ['policies', 'Policies'],
  ['what-if', 'What if'],
  ['events', 'Events'],
] as const;

export function Header() {
  return (
    <header class="top">
      <div class="bar">
        <a class="brand" href="#/">
          <svg viewBox="0 0 32 24" width="28" height="21" aria-hidden="true">
            <ellipse cx="16" cy="10" rx="15" ry="9" class="hull" />
            <ellipse cx="16" cy="11" rx="6" ry="5" class="ballonet" />
            <rect x="11" y="20" width="10" height="4" rx="2" class="hull" />
          </svg>
          Ballonet
        </a>
        <nav aria-label="Views">
          <ul>
            {VIEWS.map(([view, title]) => (
              <li key={view}>
                <a href={`#/${view}`} aria-current={route.value.view === view ? 'page' : undefined}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <ThemeSwitch />
      </div>
      <Summary />
    </header>
  );
}

function ThemeSwitch() {
  return (
    <label class="theme">
      <span>Theme</span>
      <select value={choice.value} onChange={event => choose(asChoice(event.currentTarget.value))}>
        <option value="auto">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

function asChoice(text: string): Choice {
  return text === 'light' || text === 'dark' ? text : 'auto';
}

/** One line that is the same on every view: is it connected, what may it do, how is the host. */
function Summary() {
  const known = status.value;
  const now = snapshot.value;
  return (
    <dl class="summary" aria-label="The daemon at a glance">
      <Item name="Daemon">
        <Connection />
      </Item>
      <Item name="Host">{known?.hypervisor.uri ?? '–'}</Item>
      <Item name="Mode">{modeOf()}</Item>
      <Item name="Pressure">
        {now === undefined ? (
          '–'
        ) : (
          <>
            <Level level={now.pressure.level} /> for {duration(now.pressure.seconds)}
          </>
        )}
      </Item>
      <Item name="Available">
        {size(now?.host.availableBytes)} ({percent(now?.host.availableBytes, now?.host.totalBytes)})
      </Item>
      <Item name="Guests">{now?.guests.length ?? '–'}</Item>
    </dl>
  );
}

function Item({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Connection() {
  const state = connection.value;
  const text = state === 'live' ? 'live' : state === 'lost' ? 'no answer, trying again' : 'connecting';
  return <span class={`dot ${state}`}>{text}</span>;
}

function modeOf(): string {
  const known = status.value;
  if (known === undefined) return '–';
  if (known.dryRun) return 'dry run';
  return known.mode === 'observe' ? 'observes' : 'enforces';
}

function Level({ level }: { readonly level: string }) {
  return <span class={level === 'none' ? 'level calm' : 'level'}>{level}</span>;
}
