import { useSignal } from '@preact/signals';
import { clockTime, fullTime, size, words } from './format.ts';
import { guestHref } from './route.ts';
import { Scroll } from './scroll.tsx';
import { type EventView, events, snapshot } from './store.ts';

type Severity = EventView['severity'];

const AT_LEAST: Readonly<Record<Severity, readonly Severity[]>> = {
  info: ['info', 'warn', 'error'],
  warn: ['warn', 'error'],
  error: ['error'],
};

/** More are not read, and each is an element of the page. */
const SHOWN_MAX = 300;

export function EventsView() {
  const least = useSignal<Severity>('info');
  const search = useSignal('');
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = events.value
    .filter(({ severity }) => AT_LEAST[least.value].includes(severity))
    .filter(event => {
      const text =
        `${event.type} ${event.message} ${event.domain ?? ''} ${event.problem ?? ''}`.toLowerCase();
      return wanted.every(word => text.includes(word));
    });
  const shown = chosen.slice(-SHOWN_MAX).toReversed();
  return (
    <>
      <h1>Events</h1>
      <section class="card" aria-label="Recent events">
        <div class="tools">
          <label>
            Search
            <input
              type="search"
              value={search.value}
              placeholder="guest, type, text"
              onInput={event => {
                search.value = event.currentTarget.value;
              }}
            />
          </label>
          <label>
            Show
            <select
              value={least.value}
              onChange={event => {
                const { value } = event.currentTarget;
                least.value = value === 'warn' || value === 'error' ? value : 'info';
              }}
            >
              <option value="info">Everything</option>
              <option value="warn">Warnings and errors</option>
              <option value="error">Errors</option>
            </select>
          </label>
          <p class="count dim">
            {shown.length} of {events.value.length}, newest first
          </p>
        </div>
        {shown.length === 0 ? (
          <p class="dim">Nothing like that has happened.</p>
        ) : (
          <Scroll label="Events">
            <table class="events">
              <thead>
                <tr>
                  <th scope="col">Time</th>
                  <th scope="col">Severity</th>
                  <th scope="col">What</th>
                  <th scope="col">Guest</th>
                  <th scope="col">More</th>
                </tr>
              </thead>
              <tbody>
                {shown.map(event => (
                  <Row key={event.id} event={event} />
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </section>
    </>
  );
}

function Row({
  event: { at, severity, type, message, domain, uuid, fields, problem },
}: {
  readonly event: EventView;
}) {
  const isThere = snapshot.value?.guests.some(guest => guest.uuid === uuid) === true;
  return (
    <tr>
      <td>
        <time dateTime={at} title={fullTime(at)}>
          {clockTime(at)}
        </time>
      </td>
      <td>
        <span class={`severity ${severity}`}>{severity}</span>
      </td>
      <td title={type}>{message}</td>
      <td>{domain !== undefined && (isThere ? <a href={guestHref(domain)}>{domain}</a> : domain)}</td>
      <td class="more">
        {Object.entries(fields).map(([name, value]) => (
          <span key={name}>
            {words(name)} <b>{fieldText(name, value)}</b>
          </span>
        ))}
        {problem !== undefined && <span class="problem">{problem}</span>}
      </td>
    </tr>
  );
}

function fieldText(name: string, value: string | number): string {
  return typeof value === 'number' && /bytes$/i.test(name) ? size(value) : String(value);
}
