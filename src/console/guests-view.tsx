import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { REASONS } from '../model/decision.ts';
import { change, percent, size, words } from './format.ts';
import { FILTERS, type Filter, rowsOf, type SortKey, taken, type View } from './guest-rows.ts';
import { guestHref } from './route.ts';
import { Scroll } from './scroll.tsx';
import { Sparkline } from './sparkline.tsx';
import { type GuestRow, snapshot, trails } from './store.ts';
import { visibleWindow, type Window } from './virtual.ts';

/** As style.css has it for rows of this table. */
const ROW_PIXELS = 40;

interface Column {
  readonly key: SortKey | undefined;
  readonly title: string;
  readonly className: string;
}

const COLUMNS: readonly Column[] = [
  { key: 'name', title: 'Guest', className: 'c-name' },
  { key: 'state', title: 'State', className: 'c-state' },
  { key: 'used', title: 'Used', className: 'c-used number' },
  { key: undefined, title: 'Use, last hour', className: 'c-spark' },
  { key: 'current', title: 'Size', className: 'c-size number' },
  { key: 'target', title: 'Target', className: 'c-target number' },
  { key: 'taken', title: 'Taken', className: 'c-taken number' },
  { key: 'policy', title: 'Policy', className: 'c-policy' },
];

const START: View = { search: '', filter: 'all', sort: 'name', descending: false };

export function GuestsView() {
  const view = useSignal<View>(START);
  const guests = snapshot.value?.guests;
  const rows = useMemo(() => rowsOf(guests ?? [], view.value), [guests, view.value]);
  const set = (parts: Partial<View>): void => {
    view.value = { ...view.value, ...parts };
  };
  const { filter, search } = view.value;
  return (
    <>
      <h1>Guests</h1>
      <section class="card" aria-label="All guests">
        <div class="tools">
          <label>
            Search
            <input
              type="search"
              value={search}
              placeholder="name, policy, reason"
              onInput={event => set({ search: event.currentTarget.value })}
            />
          </label>
          <label>
            Show
            <select value={filter} onChange={event => set({ filter: asFilter(event.currentTarget.value) })}>
              {Object.entries(FILTERS).map(([key, { label }]) => (
                <option key={key} value={key}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          <p class="count dim">
            {rows.length} of {guests?.length ?? 0}
          </p>
        </div>
        <Table rows={rows} view={view.value} onSort={key => set(sorted(view.value, key))} />
      </section>
    </>
  );
}

function asFilter(text: string): Filter {
  return isFilter(text) ? text : 'all';
}

function isFilter(text: string): text is Filter {
  return text in FILTERS;
}

/** The same column again turns it round; amounts begin with the largest. */
function sorted({ sort, descending }: View, key: SortKey): Pick<View, 'sort' | 'descending'> {
  if (key === sort) return { sort, descending: !descending };
  return { sort: key, descending: key !== 'name' && key !== 'policy' && key !== 'state' };
}

interface TableProps {
  readonly rows: readonly GuestRow[];
  readonly view: View;
  readonly onSort: (key: SortKey) => void;
}

function Table({ rows, view, onSort }: TableProps) {
  const scroller = useRef<HTMLElement>(null);
  const shown = useSignal<Window>({ first: 0, end: 40 });
  const look = (): void => {
    const { scrollTop = 0, clientHeight = 0 } = scroller.current ?? {};
    const next = visibleWindow(rows.length, ROW_PIXELS, scrollTop, clientHeight);
    const { first, end } = shown.peek();
    if (first !== next.first || end !== next.end) shown.value = next;
  };
  // A watcher for each number of rows: one that outlives them would go by a number that is past.
  useEffect(() => {
    look();
    if (scroller.current === null) return;
    const watcher = new ResizeObserver(look);
    watcher.observe(scroller.current);
    return () => watcher.disconnect();
  }, [rows.length]);

  const { first, end } = shown.value;
  return (
    <Scroll label="Guests" className="guests" place={scroller} onScroll={look}>
      <div style={{ height: `${(rows.length + 1) * ROW_PIXELS}px`, paddingTop: `${first * ROW_PIXELS}px` }}>
        <table aria-rowcount={rows.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              {COLUMNS.map(column => (
                <Heading key={column.title} column={column} view={view} onSort={onSort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(first, end).map((guest, i) => (
              <Row key={guest.uuid} guest={guest} index={first + i} />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length === 0 && <p class="dim empty">No guest is like that.</p>}
    </Scroll>
  );
}

interface HeadingProps {
  readonly column: Column;
  readonly view: View;
  readonly onSort: (key: SortKey) => void;
}

function Heading({ column: { key, title, className }, view, onSort }: HeadingProps) {
  if (key === undefined)
    return (
      <th scope="col" class={className}>
        {title}
      </th>
    );
  const isOwn = view.sort === key;
  const order = !isOwn ? 'none' : view.descending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={className} aria-sort={order}>
      <button type="button" class="sort" onClick={() => onSort(key)}>
        {title}
        <span aria-hidden="true">{isOwn ? (view.descending ? ' ▾' : ' ▴') : ''}</span>
      </button>
    </th>
  );
}

function Row({ guest, index }: { readonly guest: GuestRow; readonly index: number }) {
  const { name, uuid, usedBytes, currentBytes, targetBytes, maxBytes, policy } = guest;
  // What changes between snapshots is read here, in what is on screen, and nowhere else.
  const trail = trails.value.of(uuid);
  return (
    <tr aria-rowindex={index + 2}>
      <th scope="row" class="c-name">
        <a href={guestHref(name)} title={name}>
          {name}
        </a>
      </th>
      <td class="c-state">
        <State guest={guest} />
      </td>
      <td class="c-used number">{size(usedBytes)}</td>
      <td class="c-spark">
        <Sparkline values={trail} top={maxBytes} />
      </td>
      <td class="c-size number">{size(currentBytes)}</td>
      <td class="c-target number">
        <Target current={currentBytes} target={targetBytes} />
      </td>
      <td class="c-taken number">
        {size(taken(guest))} <span class="dim">({percent(taken(guest), maxBytes)})</span>
      </td>
      <td class="c-policy">{policy ?? <span class="dim">none</span>}</td>
    </tr>
  );
}

interface TargetProps {
  readonly current: number | undefined;
  readonly target: number | undefined;
}

export function Target({ current, target }: TargetProps) {
  if (target === undefined || current === undefined || target === current)
    return <span class="dim">{target === undefined ? '–' : 'as it is'}</span>;
  return (
    <span title={change(target - current)}>
      <span aria-hidden="true">{target < current ? '↓ ' : '↑ '}</span>
      {size(target)}
    </span>
  );
}

const ACTIONS = { shrink: ['↓', 'shrinks'], grow: ['↑', 'grows'], hold: ['=', 'holds'] } as const;

export function State({
  guest,
}: {
  readonly guest: Pick<GuestRow, 'action' | 'reason' | 'state' | 'pause'>;
}) {
  const { action, reason, state, pause } = guest;
  const [mark, word] = ACTIONS[action];
  return (
    <span class="state" title={helpOf(reason)}>
      <span class={`action ${action}`}>
        <span aria-hidden="true">{mark} </span>
        {state === 'running' ? word : state}
      </span>
      <span class="reason">
        {' · '}
        {pause === undefined ? words(reason) : `paused by ${pause.by}`}
      </span>
    </span>
  );
}

/** What a reason code means. */
export function helpOf(code: string): string {
  const reasons: Readonly<Record<string, string>> = REASONS;
  return reasons[code] ?? code;
}
