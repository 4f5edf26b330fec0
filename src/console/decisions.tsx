import { useSignal } from '@preact/signals';
import type { Answer } from '../api/routes.ts';
import { change, clockTime, fullTime, size, words } from './format.ts';
import { helpOf } from './guests-view.tsx';
import { sourceHref } from './route.ts';
import { Scroll } from './scroll.tsx';

type DecisionView = Answer<'guest'>['decisions'][number];
type StageView = DecisionView['stages'][number];

export function Decisions({ items }: { readonly items: readonly DecisionView[] }) {
  if (items.length === 0) return <p class="dim">Nothing has been decided yet.</p>;
  return (
    <ol class="decisions">
      {items.map(decision => (
        <Item key={decision.id} decision={decision} />
      ))}
    </ol>
  );
}

function Item({ decision }: { readonly decision: DecisionView }) {
  const open = useSignal(false);
  const { id, at, action, reason, currentBytes, targetBytes, outcome } = decision;
  const moves = action !== 'hold' && currentBytes !== undefined && targetBytes !== undefined;
  const panel = `stages-${id}`;
  return (
    <li>
      <button
        type="button"
        class="decision"
        aria-expanded={open.value}
        aria-controls={panel}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <time dateTime={at} title={fullTime(at)}>
          {clockTime(at)}
        </time>
        <span class={`action ${action}`}>{action}</span>
        <span>
          {moves
            ? `${size(currentBytes)} → ${size(targetBytes)} (${change(targetBytes - currentBytes)})`
            : ''}
        </span>
        <span class="reason">{words(reason)}</span>
        <span class="dim">{outcome === undefined ? '' : words(outcome.status)}</span>
      </button>
      {open.value && (
        <div id={panel} class="stages">
          <p>{helpOf(reason)}</p>
          {outcome?.problem !== undefined && <p class="problem">{outcome.problem}</p>}
          <Stages stages={decision.stages} />
        </div>
      )}
    </li>
  );
}

/** From figures to target, one row a step. */
function Stages({ stages }: { readonly stages: readonly StageView[] }) {
  return (
    <Scroll label="Stages of the decision">
      <table>
        <thead>
          <tr>
            <th scope="col">Stage</th>
            <th scope="col" class="number">
              In
            </th>
            <th scope="col" class="number">
              Out
            </th>
            <th scope="col">What it says</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {stages.map((stage, i) => (
            <tr key={`${stage.stage} ${i}`}>
              <th scope="row">{stage.stage}</th>
              <td class="number">{size(stage.in)}</td>
              <td class="number">{size(stage.out)}</td>
              <td>
                <code title={helpOf(stage.code)}>{stage.code}</code> <Inputs inputs={stage.inputs} />
              </td>
              <td>{stage.source !== undefined && <Source source={stage.source} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function Source({ source }: { readonly source: NonNullable<StageView['source']> }) {
  return (
    <a href={sourceHref(source)}>
      {source.file.split('/').at(-1)}:{source.line}
    </a>
  );
}

function Inputs({ inputs }: Pick<StageView, 'inputs'>) {
  if (inputs === undefined) return null;
  return (
    <span class="inputs">
      {Object.entries(inputs).map(([name, value]) => (
        <span key={name}>
          {words(name)} <b>{inputText(name, value)}</b>
        </span>
      ))}
    </span>
  );
}

/** Amounts are told by their size: nothing else among the inputs of stages reaches a MiB. */
function inputText(name: string, value: number | string | boolean | null): string {
  if (value === null) return 'unlimited';
  if (typeof value !== 'number') return String(value);
  if (/seconds?$/i.test(name)) return `${Math.round(value * 10) / 10} s`;
  if (Math.abs(value) < 2 ** 20) return String(Math.round(value * 1000) / 1000);
  return name.endsWith('Rate') ? `${size(value)}/s` : size(value);
}
