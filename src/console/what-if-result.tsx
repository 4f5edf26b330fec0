import { useSignal } from '@preact/signals';
import type { Answer } from '../api/routes.ts';
import { Chart, type ChartData } from './chart.tsx';
import { change, clockTime, duration, fullTime, size, words } from './format.ts';
import { helpOf } from './guests-view.tsx';
import { guestHref } from './route.ts';
import { Scroll } from './scroll.tsx';

type PlayedAnswer = Answer<'whatIf'>;
type PlayedGuest = PlayedAnswer['guests'][number];
type Difference = PlayedAnswer['differences'][number];

const GUESTS_SHOWN = 50;

/** What an edited policy set would have done, beside what was done. */
export function Played({ answer }: { readonly answer: PlayedAnswer }) {
  const { from, to, ticks, complete, problem, recorded, played, guests, differences, differencesInAll } =
    answer;
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  return (
    <section class="card" aria-labelledby="played-title">
      <h2 id="played-title">What it would have done</h2>
      <p class="dim">
        {ticks} ticks, {fullTime(from)} to {clockTime(to)} ({duration(seconds)}).{' '}
        {complete ? '' : 'It took too long and ended there. '}
        An estimate: guests need what they really needed, and have the edited policy’s sizes at once.
      </p>
      {problem !== undefined && <p class="notice">Some of what was decided is not known: {problem}</p>}
      <Scroll label="All guests together">
        <table>
          <thead>
            <tr>
              <th scope="col">All guests</th>
              <th scope="col" class="number">
                Taken, on average
              </th>
              <th scope="col" class="number">
                Shrinks
              </th>
              <th scope="col" class="number">
                Grows
              </th>
              <th scope="col" class="number">
                Short, on average
              </th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">As it was</th>
              <td class="number">{size(recorded.meanTakenBytes)}</td>
              <td class="number">{recorded.shrinks}</td>
              <td class="number">{recorded.grows}</td>
              <td class="number">–</td>
            </tr>
            <tr>
              <th scope="row">As edited</th>
              <td class="number">
                {size(played.meanTakenBytes)} ({change(played.meanTakenBytes - recorded.meanTakenBytes)})
              </td>
              <td class="number">{played.shrinks}</td>
              <td class="number">{played.grows}</td>
              <td class="number">{size(played.meanShortBytes)}</td>
            </tr>
          </tbody>
        </table>
      </Scroll>
      <Chart title="Taken from all guests" data={chartOf(answer)} height={200} />
      <h3>Guests</h3>
      <Guests guests={guests} />
      <h3>Where decisions differ</h3>
      <Differences items={differences} inAll={differencesInAll} />
    </section>
  );
}

function chartOf({ series }: PlayedAnswer): ChartData {
  return {
    times: series.map(({ at }) => Date.parse(at) / 1000),
    lines: [
      { label: 'As it was', colour: 'size', kind: 'line', values: series.map(row => row.recordedTakenBytes) },
      { label: 'As edited', colour: 'wanted', kind: 'line', values: series.map(row => row.playedTakenBytes) },
      {
        label: 'Guests short of',
        colour: 'alarm',
        kind: 'dashes',
        values: series.map(row => row.shortBytes),
      },
    ],
  };
}

function difference({ recorded, played }: PlayedGuest): number {
  return Math.abs(played.meanTakenBytes - recorded.meanTakenBytes);
}

/** Those for whom most would change come first. */
function Guests({ guests }: { readonly guests: readonly PlayedGuest[] }) {
  const all = useSignal(false);
  const rows = guests.toSorted((a, b) => difference(b) - difference(a));
  const shown = all.value ? rows : rows.slice(0, GUESTS_SHOWN);
  return (
    <>
      <Scroll label="Guests, as they were and as they would be" className="tall">
        <table>
          <thead>
            <tr>
              <th scope="col">Guest</th>
              <th scope="col" class="number">
                Taken as it was
              </th>
              <th scope="col" class="number">
                As edited
              </th>
              <th scope="col" class="number">
                Difference
              </th>
              <th scope="col" class="number">
                Moves
              </th>
              <th scope="col" class="number">
                Short at worst
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ uuid, name, recorded, played, worstShortBytes }) => (
              <tr key={uuid}>
                <th scope="row">
                  <a href={guestHref(name)}>{name}</a>
                </th>
                <td class="number">{size(recorded.meanTakenBytes)}</td>
                <td class="number">{size(played.meanTakenBytes)}</td>
                <td class="number">{change(played.meanTakenBytes - recorded.meanTakenBytes)}</td>
                <td class="number">
                  {recorded.shrinks + recorded.grows} → {played.shrinks + played.grows}
                </td>
                <td class="number">{size(worstShortBytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {!all.value && rows.length > GUESTS_SHOWN && (
        <button
          type="button"
          onClick={() => {
            all.value = true;
          }}
        >
          Show all {rows.length}
        </button>
      )}
    </>
  );
}

interface DifferencesProps {
  readonly items: readonly Difference[];
  readonly inAll: number;
}

function Differences({ items, inAll }: DifferencesProps) {
  if (items.length === 0) return <p class="dim">Nowhere: each tick comes to the same.</p>;
  return (
    <>
      <p class="dim">
        {items.length} of {inAll}; one that goes on from tick to tick is listed once.
      </p>
      <Scroll label="Differences" className="tall">
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Guest</th>
              <th scope="col">As it was</th>
              <th scope="col">As edited</th>
            </tr>
          </thead>
          <tbody>
            {items.map(({ at, domain, uuid, recorded, played }) => (
              <tr key={`${at} ${uuid}`}>
                <td>{clockTime(at)}</td>
                <th scope="row">{domain}</th>
                <td>
                  <Brief {...recorded} />
                </td>
                <td>
                  <Brief {...played} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Brief({ action, reason, targetBytes }: Difference['recorded']) {
  return (
    <span title={helpOf(reason)}>
      <span class={`action ${action}`}>{action}</span>{' '}
      {action !== 'hold' && targetBytes !== undefined ? `to ${size(targetBytes)}` : ''}{' '}
      <span class="reason">{words(reason)}</span>
    </span>
  );
}
