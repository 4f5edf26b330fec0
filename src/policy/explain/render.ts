/** An explanation as text for a terminal of 80 columns. */
import { REASONS, type Stage } from '../../model/decision.ts';
import type {
  Change,
  Explanation,
  FieldVerdict,
  LayerState,
  LevelState,
  LimitPlace,
  NameUnit,
  OtherPolicy,
  TracedExpression,
} from '../../model/explanation.ts';
import { formatSize } from '../../model/units.ts';
import { remedyFor } from './remedies.ts';
import { renderTrace } from './render-trace.ts';
import { formatPlace, formatSeconds, formatValue } from './render-values.ts';

const WIDTH = 80;

/** Other policies that are told one by one; a set may have hundreds. */
const OTHERS_MAX = 8;

/** The whole explanation as text, ending in a newline. */
export function renderExplanation(explanation: Explanation): string {
  const lines = [
    ...headline(explanation),
    ...section('Policy', policyLines(explanation)),
    ...section('Host', hostLines(explanation)),
    ...section('Stages', stageLines(explanation)),
    ...section(
      'Conditions',
      explanation.protectors.flatMap(({ kind, name, inForce, secondsLeft, ...traced }) => [
        `${kind === 'veto' ? `veto '${name}'` : 'relief'}: ${inForce ? 'in force' : 'not in force'}${left(secondsLeft)}`,
        ...tracedLines(traced),
      ]),
    ),
    ...section(
      'Quantities',
      explanation.quantities.flatMap(({ name, ...traced }) => [
        `${name} (${formatPlace(traced.source)})`,
        ...tracedLines(traced),
      ]),
    ),
    ...section('To move', changeLines(explanation)),
  ];
  return lines.map(line => `${line}\n`).join('');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.flatMap(line => wrapped(`  ${line}`))];
}

function headline({ decision, at }: Explanation): string[] {
  const { name, uuid, action, reason, currentBytes, targetBytes } = decision;
  const size = currentBytes === undefined ? 'its size, which is not known' : formatSize(currentBytes);
  const target = targetBytes === undefined ? '' : ` to ${formatSize(targetBytes)}`;
  const does = action === 'hold' ? `stays at ${size}` : `${action}s from ${size}${target}`;
  return [
    `${name} ${does}: ${reason}`,
    ...wrapped(`  ${REASONS[reason]}`),
    `  ${uuid}, tick of ${new Date(at * 1000).toISOString()}`,
  ];
}

function policyLines({ policy, others, layers }: Explanation): string[] {
  const governs =
    policy === undefined
      ? ['no policy matches this guest; it is left alone']
      : [
          `${policy.name} governs (${formatPlace(policy.source)}), precedence ${policy.precedence}, mode ${policy.mode}`,
        ];
  const more = others.length - OTHERS_MAX;
  return [
    ...governs,
    ...layers.map(layerLine),
    ...others.slice(0, OTHERS_MAX).map(otherLine),
    ...(more > 0 ? [`and ${more} more do not match`] : []),
  ];
}

function layerLine({ kind, name, source, inForce, reason, expiresAt }: LayerState): string {
  const why = reason === undefined ? '' : `, ${reason}`;
  const until = expiresAt === undefined ? '' : `, until ${new Date(expiresAt * 1000).toISOString()}`;
  return `${kind} '${name}' (${formatPlace(source)}) is ${inForce ? 'in force' : 'not in force'}${why}${until}`;
}

function otherLine({ name, source, precedence, because, fields }: OtherPolicy): string {
  const place = `${name} (${formatPlace(source)})`;
  if (because === 'outranked') return `not ${place}: its precedence, ${precedence}, is lower`;
  return `not ${place}: ${fields.map(verdictText).join('; ')}`;
}

function verdictText({ field, wants, has, trace }: FieldVerdict): string {
  if (trace !== undefined)
    return `${field} ${wants.replace(/\s+/g, ' ')} is ${String(trace.value ?? 'unknown')}`;
  const verb = field.startsWith('exclude.') ? 'excludes' : 'wants';
  const shown = typeof has === 'number' ? formatSize(has) : has;
  return `${field} ${verb} ${wants}, has ${shown ?? 'none'}`;
}

function hostLines({ host }: Explanation): string[] {
  const { policy, mode, level, levelSeconds, levels, budget } = host;
  const sizes = budget && [
    `budget ${formatSize(budget.totalBytes)}`,
    `promised ${formatSize(budget.committedBytes)}`,
    `free ${formatSize(budget.freeBytes)}`,
  ];
  return [
    `${policy.name} (${formatPlace(policy.source)}), mode ${mode}`,
    sizes === undefined ? 'the memory of the host is not known' : sizes.join(', '),
    `level ${level} for ${formatSeconds(levelSeconds)}`,
    ...levels.flatMap(each => [levelLine(each, level), ...tracedLines(each)]),
  ];
}

function levelLine(
  { name, entered, heldSeconds, trace, forSeconds, keepForSeconds, source }: LevelState,
  level: string,
) {
  const truth = trace?.value === undefined ? 'unknown' : String(trace.value);
  const held = heldSeconds === undefined ? truth : `${truth} for ${formatSeconds(heldSeconds)}`;
  const state = name === level ? 'present' : entered ? 'entered' : 'not entered';
  const times = `entered after ${formatSeconds(forSeconds)}, left after ${formatSeconds(keepForSeconds)}`;
  return `${name}: ${state}, ${held}; ${times} (${formatPlace(source)})`;
}

function stageLines({ decision: { stages }, decidedBy, limits }: Explanation): string[] {
  return stages.flatMap((stage, index) => {
    const mark = index === decidedBy ? '*' : ' ';
    const limit = limits.find(({ code }) => code === stage.code);
    const place = limit === undefined ? placeText(stage.source) : limitText(limit);
    const figures = inputText(stage);
    return [
      `${mark} ${stage.stage.padEnd(11)} ${amount(stage.in)} -> ${amount(stage.out)}  ${stage.code}${place}`,
      ...(figures === '' ? [] : [`    ${figures}`]),
    ];
  });
}

function placeText(source: Stage['source']): string {
  return source === undefined ? '' : ` (${formatPlace(source)})`;
}

function limitText({ field, source, isDefault }: LimitPlace): string {
  return ` (${isDefault ? `default of ${field}, ` : `${field}, `}${formatPlace(source)})`;
}

function amount(bytes: number | undefined): string {
  return (bytes === undefined ? '?' : formatSize(bytes)).padStart(9);
}

const PLAIN_INPUTS: ReadonlySet<string> = new Set(['epoch', 'reports']);

function unitOfInput(name: string): NameUnit | undefined {
  if (/seconds$/i.test(name)) return 'seconds';
  if (name.endsWith('Rate')) return 'bytes/s';
  return PLAIN_INPUTS.has(name) ? 'number' : undefined;
}

function inputText({ inputs = {} }: Stage): string {
  return Object.entries(inputs)
    .map(([name, value]) => {
      return `${name} ${formatValue(value, unitOfInput(name))}`;
    })
    .join(', ');
}

function tracedLines({ trace }: Pick<TracedExpression, 'trace'>): string[] {
  return trace === undefined ? ['  not evaluated in this tick'] : renderTrace(trace, '  ', WIDTH - 2);
}

function left(seconds: number | undefined): string {
  return seconds === undefined ? '' : ` for ${formatSeconds(seconds)} more`;
}

function changeLines({ changes, decision }: Explanation): string[] {
  if (changes === undefined) return [];
  if (decision.action !== 'hold') return ['it moves in this tick'];
  if (changes.length === 0)
    return [remedyFor(decision.reason, decision.name) ?? 'nothing that was tried makes it move'];
  return changes.map(change => `- ${changeText(change, decision.level)}`);
}

function changeText(change: Change, level: string): string {
  const { seconds, outcome } = change;
  const entered = change.level === level ? '' : `level ${change.level}, `;
  const moves = `${entered}${outcome.action} to ${formatSize(outcome.targetBytes)} (${outcome.reason})`;
  const lasting = `${formatSeconds(seconds)} later: ${moves}`;
  switch (change.kind) {
    case 'wait':
      return `in ${formatSeconds(seconds)}, if all stays as it is: ${moves}`;
    case 'arrive':
      return `its move must come to its end; ${lasting}`;
    case 'policy':
      return `${change.field?.name ?? ''} would have to be ${change.field?.to ?? ''}; ${lasting}`;
    case 'demand':
    case 'guest':
    case 'host':
      return `${change.figures.map(figureText).join(', ')}; ${lasting}`;
  }
}

function figureText({ name, unit, from, to }: Change['figures'][number]): string {
  const direction = to < from ? 'fall' : 'rise';
  const by = unit === 'bytes' ? ` (by ${formatSize(Math.abs(to - from))})` : '';
  return `${name} ${formatValue(from, unit)} must ${direction} to ${formatValue(to, unit)}${by}`;
}

/** Lines of 80 columns; what goes over is put further in than what it belongs to. */
function wrapped(line: string): string[] {
  const indent = `${/^ */.exec(line)?.[0] ?? ''}    `;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > WIDTH) {
    const cut = rest.lastIndexOf(' ', WIDTH);
    if (cut < indent.length) break;
    lines.push(rest.slice(0, cut));
    rest = `${indent}${rest.slice(cut + 1)}`;
  }
  return [...lines, rest];
}
