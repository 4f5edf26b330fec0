import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Answer } from '../api/routes.ts';
import { get, messageOf } from './api.ts';
import { Chart, type ChartData } from './chart.tsx';
import { percent, size } from './format.ts';
import { appendedGuests, appendedHost, byGuest, byKind } from './host-chart.ts';
import { generation, snapshot, status } from './store.ts';

type Range = 'hour' | 'day';
type Stacking = 'kind' | 'guest';

/** With more the colours can no longer be told apart. */
const LARGEST = 9;
/** Which guests are the largest may change; that is read anew so often. */
const ANEW_MS = 60_000;

export function HostView() {
  const range = useSignal<Range>('hour');
  const stacking = useSignal<Stacking>('kind');
  const host = useSignal<Answer<'hostHistory'> | undefined>(undefined);
  const guests = useSignal<Answer<'guestsHistory'> | undefined>(undefined);
  const problem = useSignal('');

  useEffect(() => {
    const ending = new AbortController();
    async function read(): Promise<void> {
      try {
        const { signal } = ending;
        const [ofHost, ofGuests] = await Promise.all([
          get('hostHistory', { query: { range: range.value }, signal }),
          get('guestsHistory', { query: { points: 240, column: 'held', largest: LARGEST }, signal }),
        ]);
        host.value = ofHost;
        guests.value = ofGuests;
        problem.value = '';
      } catch (error) {
        if (!ending.signal.aborted) problem.value = messageOf(error);
      }
    }
    void read();
    const again = setInterval(() => void read(), ANEW_MS);
    return () => {
      clearInterval(again);
      ending.abort();
    };
  }, [range.value, generation.value]);

  useEffect(
    () =>
      snapshot.subscribe(now => {
        if (now === undefined) return;
        if (host.value !== undefined) host.value = appendedHost(host.value, now);
        if (guests.value !== undefined) guests.value = appendedGuests(guests.value, now);
      }),
    [],
  );

  const data = useComputed((): ChartData | undefined => {
    if (host.value === undefined || guests.value === undefined) return undefined;
    return stacking.value === 'kind' ? byKind(host.value) : byGuest(host.value, guests.value);
  });

  return (
    <>
      <h1>Host</h1>
      <Tiles />
      <section class="card" aria-label="Memory over time">
        <div class="tools">
          <Choice
            label="Stacked by"
            value={stacking.value}
            options={[
              ['kind', 'Kind'],
              ['guest', 'Guest'],
            ]}
            onChoose={next => {
              stacking.value = next;
            }}
          />
          <Choice
            label="Range"
            value={range.value}
            options={[
              ['hour', 'Last hour'],
              ['day', 'Last day'],
            ]}
            onChoose={next => {
              range.value = next;
            }}
          />
        </div>
        {problem.value !== '' && <p class="problem">{problem}</p>}
        {data.value === undefined ? (
          <p class="dim plot-room">Reading what has been…</p>
        ) : (
          <Chart
            title={
              stacking.value === 'kind' ? 'What the host’s memory is used for' : 'Who holds the host’s memory'
            }
            data={data.value}
            height={320}
          />
        )}
      </section>
    </>
  );
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [T, string])[];
  readonly onChoose: (value: T) => void;
}

function Choice<T extends string>({ label, value, options, onChoose }: ChoiceProps<T>) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      {options.map(([option, text]) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => onChoose(option)}>
          {text}
        </button>
      ))}
    </fieldset>
  );
}

function Tiles() {
  const now = snapshot.value;
  const known = status.value;
  const { totalBytes, availableBytes } = now?.host ?? {};
  const promised = now?.guests.reduce((sum, guest) => sum + (guest.maxBytes ?? 0), 0);
  const moving = now?.guests.filter(({ action }) => action !== 'hold').length;
  const paused = now?.guests.filter(({ pause }) => pause !== undefined).length;
  return (
    <dl class="tiles">
      <Tile name="Memory" value={size(totalBytes)} note={`${size(availableBytes)} available`} />
      <Tile
        name="Promised to guests"
        value={size(promised)}
        note={`${percent(promised, totalBytes)} of the host’s memory`}
      />
      <Tile
        name="Ballooned away"
        value={size(now?.memory.balloonedBytes)}
        note={`${percent(now?.memory.balloonedBytes, promised)} of what is promised`}
      />
      <Tile
        name="Headroom in guests"
        value={size(now?.memory.guestsHeadroomBytes)}
        note="held by guests, free in them"
      />
      <Tile
        name="Guests"
        value={String(now?.guests.length ?? '–')}
        note={`${moving ?? '–'} moving, ${paused ?? '–'} paused`}
      />
      <Tile
        name="Last tick"
        value={known?.lastTick === undefined ? '–' : `${Math.round(known.lastTick.tookSeconds * 1000)} ms`}
        note={`every ${known?.intervalSeconds ?? '–'} s, ${known?.failedTicks ?? '–'} failed in a row`}
      />
    </dl>
  );
}

function Tile({
  name,
  value,
  note,
}: {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd class="figure">{value}</dd>
      <dd class="dim">{note}</dd>
    </div>
  );
}
