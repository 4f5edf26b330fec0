import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Answer } from '../api/routes.ts';
import { get, messageOf } from './api.ts';
import { Chart, type ChartData } from './chart.tsx';
import { Decisions } from './decisions.tsx';
import { ExplainPanel } from './explain-panel.tsx';
import { duration, fullTime, percent, size } from './format.ts';
import { GuestActions } from './guest-actions.tsx';
import { State, Target } from './guests-view.tsx';
import { type GuestRow, generation, snapshot } from './store.ts';
import { followStream } from './stream.ts';

type GuestAnswer = Answer<'guest'>;
type Decided = GuestAnswer['decisions'][number];

/** The daemon keeps a row every 15 s. */
const HISTORY_MS = 15_000;
const DECISIONS_MAX = 100;

export function GuestView({ domain }: { readonly domain: string }) {
  const guest = useSignal<GuestAnswer | undefined>(undefined);
  const history = useSignal<Answer<'guestHistory'> | undefined>(undefined);
  const decisions = useSignal<readonly Decided[]>([]);
  const problem = useSignal('');

  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
        problem.value = '';
      } catch (error) {
        if (!signal.aborted) problem.value = messageOf(error);
      }
    };
    const add = (more: readonly Decided[]): void => {
      const known = new Map(decisions.value.map(decision => [decision.id, decision]));
      for (const decision of more) known.set(decision.id, decision);
      decisions.value = [...known.values()].toSorted((a, b) => b.id - a.id).slice(0, DECISIONS_MAX);
    };
    const readGuest = () =>
      attempt(async () => {
        guest.value = await get('guest', { domain, signal });
        add(guest.value.decisions);
      });
    const readHistory = () =>
      attempt(async () => {
        history.value = await get('guestHistory', { domain, signal });
      });
    void readGuest().then(() => {
      if (guest.value === undefined || signal.aborted) return;
      const query = new URLSearchParams({ types: 'decision', domain: guest.value.uuid });
      void followStream(query.toString(), { decision: decision => add([decision]), live: () => {} }, signal);
    });
    void readHistory();
    const again = setInterval(() => {
      void readHistory();
      void readGuest();
    }, HISTORY_MS);
    return () => {
      clearInterval(again);
      ending.abort();
    };
  }, [domain, generation.value]);

  const known = guest.value;
  if (known === undefined)
    return (
      <>
        <h1>{domain}</h1>
        <p class={problem.value === '' ? 'dim' : 'problem'}>{problem.value || 'Asking…'}</p>
      </>
    );
  const row = snapshot.value?.guests.find(({ uuid }) => uuid === known.uuid) ?? known;
  return (
    <>
      <div class="title">
        <h1>{known.name}</h1>
        {known.title !== undefined && <p class="dim">{known.title}</p>}
        <GuestActions guest={row} />
      </div>
      {problem.value !== '' && <p class="problem">{problem}</p>}
      {row.pause !== undefined && (
        <p class="notice">
          Paused by {row.pause.by} since {fullTime(row.pause.since)}
          {row.pause.until === undefined ? '' : ` until ${fullTime(row.pause.until)}`}: {row.pause.reason}
        </p>
      )}
      <Facts guest={known} row={row} />
      <section class="card" aria-label="Memory over time">
        {history.value === undefined ? (
          <p class="dim plot-room">Reading what has been…</p>
        ) : (
          <Chart title="Demand, target, limits and size, last hour" data={chartOf(history.value)} />
        )}
      </section>
      <ExplainPanel domain={known.uuid} />
      <section class="card">
        <h2>Decisions</h2>
        <p class="dim">Moves, and holds for another reason than before; newest first.</p>
        <Decisions items={decisions.value} />
      </section>
    </>
  );
}

function chartOf({ at, stepSeconds, columns }: Answer<'guestHistory'>): ChartData {
  const rows = columns.size?.length ?? 0;
  const last = Date.parse(at) / 1000;
  const line = (name: keyof typeof columns) => columns[name] ?? [];
  return {
    times: Array.from({ length: rows }, (_, row) => last - (rows - 1 - row) * stepSeconds),
    lines: [
      { label: 'Used', colour: 'used', kind: 'area', values: line('used') },
      { label: 'Least guaranteed', colour: 'limit', kind: 'dashes', values: line('min') },
      { label: 'Largest allowed', colour: 'limit', kind: 'dashes', values: line('max') },
      { label: 'Policy would like', colour: 'wanted', kind: 'line', values: line('wanted') },
      { label: 'Target', colour: 'target', kind: 'dashes', values: line('target') },
      { label: 'Size', colour: 'size', kind: 'line', values: line('size') },
    ],
  };
}

function Facts({ guest, row }: { readonly guest: GuestAnswer; readonly row: GuestRow }) {
  const { guarantees } = guest.decision;
  const facts: readonly (readonly [string, preact.ComponentChildren])[] = [
    ['State', <State key="state" guest={row} />],
    ['Size', `${size(row.currentBytes)} of ${size(row.maxBytes)}`],
    ['Target', <Target key="target" current={row.currentBytes} target={row.targetBytes} />],
    ['Used', `${size(row.usedBytes)} (${percent(row.usedBytes, row.currentBytes)} of its size)`],
    ['Available in it', size(row.availableBytes)],
    ['Held on the host', size(row.rssBytes)],
    [
      'Limits',
      guarantees === undefined ? '–' : `${size(guarantees.minBytes)} to ${size(guarantees.maxBytes)}`,
    ],
    ['Policy', row.policy === undefined ? 'none: left alone' : row.policy],
    ['Report', row.statsAgeSeconds === undefined ? 'none yet' : `${duration(row.statsAgeSeconds)} old`],
    ['Figures since', `${duration(guest.uptimeSeconds)} ago`],
    ['Operating system', guest.os?.replace(/^https?:\/\//, '') ?? '–'],
    ['UUID', <code key="uuid">{guest.uuid}</code>],
  ];
  return (
    <dl class="facts card" aria-label="Now">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {(guest.obstacles?.length ?? 0) > 0 && (
        <div>
          <dt>Obstacles</dt>
          <dd>{guest.obstacles?.join(', ')}</dd>
        </div>
      )}
    </dl>
  );
}
