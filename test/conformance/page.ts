/** The suite as a reference page. */
import type { Answer } from './answers.ts';
import { CHECKS } from './checks.ts';
import { DIFFERENCES } from './differences.ts';
import { DRIVERS, type DriverName } from './subject.ts';

const NAMES = Object.keys(DRIVERS).filter(isDriver);

/** Lines of Markdown. */
export function driversPage(): string[] {
  const drivers = NAMES.map(name => `| \`${name}\` | ${DRIVERS[name]} |`);
  const differences = CHECKS.flatMap(([id, check]) =>
    NAMES.flatMap(name => {
      const difference = DIFFERENCES[id]?.[name];
      if (!difference) return [];
      return [
        `| \`${id}\` | \`${name}\` | ${words(difference.answer)} | ${words(check.answer)} | ${difference.why} |`,
      ];
    }),
  );
  const checks = CHECKS.map(([id, { question, answer }]) => {
    const others = NAMES.filter(name => DIFFERENCES[id]?.[name]).map(name => `\`${name}\``);
    return `| \`${id}\` | ${question} | ${words(answer)} | ${others.join(', ')} |`;
  });
  return [
    '| driver | what is behind it |',
    '|---|---|',
    ...drivers,
    '',
    '## Differences',
    '',
    '| check | driver | answers | the others | why |',
    '|---|---|---|---|---|',
    ...differences,
    '',
    '## All checks',
    '',
    'Several answers stand in the order of the question. `guest` has a balloon, `bare` has none, `off` does not run.',
    '',
    '| check | question | answer | but not of |',
    '|---|---|---|---|',
    ...checks,
  ];
}

function words(answer: Answer): string {
  if (typeof answer === 'string') return answer;
  if (answer.length === 0) return 'nothing';
  return answer.map(word => (word === '' ? 'nothing' : word)).join(', ');
}

function isDriver(name: string): name is DriverName {
  return Object.hasOwn(DRIVERS, name);
}
