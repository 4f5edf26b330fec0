/** Truth trees as lines of text. */
import type { Trace } from '../../model/explanation.ts';
import { formatValue } from './render-values.ts';

/** A tree, its root first, each level two characters further in. */
export function renderTrace(trace: Trace, indent: string, width: number): string[] {
  return [
    line(trace, indent, width),
    ...trace.parts.flatMap(part => renderTrace(part, `${indent}  `, width)),
  ];
}

function line(trace: Trace, indent: string, width: number): string {
  const told = ` = ${outcomeOf(trace)}`;
  const text = trace.text.replace(/\s+/g, ' ');
  const room = Math.max(16, width - indent.length - told.length);
  return `${indent}${text.length > room ? `${text.slice(0, room - 3)}...` : text}${told}`;
}

function outcomeOf({ value, unit, problem, skipped }: Trace): string {
  if (skipped) return 'not evaluated';
  if (problem !== undefined) return `no value: ${problem}`;
  return value === undefined ? 'a list or map' : formatValue(value, unit);
}
