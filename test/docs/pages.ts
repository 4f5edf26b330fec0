/** The reference pages, made from the code. `npm run docs` writes them; the docs test holds page and code equal. */
import type { Command } from 'commander';
import { program } from '../../src/cli/program.ts';
import { REASONS } from '../../src/model/decision.ts';
import { ERRORS } from '../../src/model/errors.ts';

const GENERATED = '<!-- Made from the code by `npm run docs`. -->';

export function pages(): ReadonlyMap<string, string> {
  return new Map([
    ['errors.md', errorsPage()],
    ['reasons.md', reasonsPage()],
    ['cli.md', cliPage()],
  ]);
}

function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { exit, help, ...rest }]) => `| \`${code}\` | ${exit} | ${'transient' in rest ? 'yes' : 'no'} | ${help} |`,
  );
  return page('Errors', 'Every error that Ballonet raises on purpose, the exit code of a command that ends with it, and whether the same call may work later by itself.', [
    '| code | exit | transient | what it means |',
    '|---|---|---|---|',
    ...rows,
  ]);
}

function reasonsPage(): string {
  const rows = Object.entries(REASONS).map(([code, help]) => `| \`${code}\` | ${help} |`);
  return page('Reason codes', 'Why a decision is what it is: each stage of a decision has one, and so has its outcome.', [
    '| code | what it means |',
    '|---|---|',
    ...rows,
  ]);
}

function cliPage(): string {
  const root = program({ out: () => {}, err: () => {} }, 'VERSION');
  const sections = [root, ...root.commands].map(command => [
    `## ${command === root ? 'ballonet' : `ballonet ${command.name()}`}`,
    '',
    '```text',
    helpOf(command).trimEnd(),
    '```',
    '',
  ]);
  return page('The command line', 'What `--help` prints.', sections.flat());
}

function helpOf(command: Command): string {
  return command.configureHelp({ helpWidth: 100 }).helpInformation();
}

function page(title: string, lead: string, body: readonly string[]): string {
  return `${[`# ${title}`, '', GENERATED, '', lead, '', ...body].join('\n').trimEnd()}\n`;
}
