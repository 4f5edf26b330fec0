/** The reference pages, made from the code. `npm run docs` writes them; the docs test holds page and code equal. */
import type { Command } from 'commander';
import { z } from 'zod';
import { ConfigDocument } from '../../src/cli/config/schema.ts';
import { program } from '../../src/cli/program.ts';
import { CSV_COLUMNS } from '../../src/journal/csv.ts';
import { REASONS } from '../../src/model/decision.ts';
import { ERRORS } from '../../src/model/errors.ts';
import { NOTICES } from '../../src/model/notice.ts';
import { NUMERIC_FUNCTIONS } from '../../src/policy/expression/functions.ts';
import { NAME_HELP } from '../../src/policy/expression/name-help.ts';
import { GuestPolicyDocument } from '../../src/policy/schema/guest-policy.ts';
import { HostPolicyDocument } from '../../src/policy/schema/host-policy.ts';
import { PolicyTestDocument } from '../../src/policy/schema/policy-test.ts';
import { DIAGNOSTICS, LINTS } from '../../src/policy/source/diagnostics.ts';
import { ScenarioDocument } from '../../src/simulator/scenario/schema.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { driversPage } from '../conformance/page.ts';
import { type Field, fieldsOf } from './fields.ts';

const GENERATED = '<!-- Made from the code by `npm run docs`. -->';

export function pages(): ReadonlyMap<string, string> {
  return new Map([
    ['errors.md', errorsPage()],
    ['reasons.md', reasonsPage()],
    ['events.md', eventsPage()],
    ['metrics.md', metricsPage()],
    ['csv.md', csvPage()],
    ['cli.md', cliPage()],
    ['diagnostics.md', diagnosticsPage()],
    ['policy.md', policyPage()],
    ['scenario.md', scenarioPage()],
    ['config.md', configPage()],
    ['drivers.md', driversReference()],
  ]);
}

function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { exit, help, ...rest }]) =>
      `| \`${code}\` | ${exit} | ${'transient' in rest ? 'yes' : 'no'} | ${help} |`,
  );
  return page(
    'Errors',
    'Every error that Ballonet raises on purpose, the exit code of a command that ends with it, and whether the same call may work later by itself.',
    ['| code | exit | transient | what it means |', '|---|---|---|---|', ...rows],
  );
}

function reasonsPage(): string {
  const rows = Object.entries(REASONS).map(([code, help]) => `| \`${code}\` | ${help} |`);
  return page(
    'Reason codes',
    'Why a decision is what it is: each stage of a decision has one, and so has its outcome.',
    ['| code | what it means |', '|---|---|', ...rows],
  );
}

function eventsPage(): string {
  const rows = Object.entries(NOTICES).map(
    ([type, { severity, message, help }]) => `| \`${type}\` | ${severity} | ${message} | ${help} |`,
  );
  return page(
    'Events',
    'What the daemon tells of beside its decisions: in its log, where `event` has the type, and in `ballonet events`.',
    ['| type | severity | log line | what it means |', '|---|---|---|---|', ...rows],
  );
}

function metricsPage(): string {
  const rows = createMetrics('', 0).kinds.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map(label => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return page(
    'Metrics',
    'What `GET /metrics` tells Prometheus. `domain` is the name of the guest, as libvirt_exporter writes it, so that both join on it; ' +
      'what is not known is not there, and a guest that is gone is gone from the next scrape. `packaging/prometheus` has alert rules, ' +
      '`packaging/grafana` a dashboard, `docs/runbooks` a page for each alert.',
    ['| name | type | labels | what it is |', '|---|---|---|---|', ...rows],
  );
}

function csvPage(): string {
  return page(
    'Columns of `replay --export csv`',
    'One row a guest and tick. A field is empty where nothing is known, or where what is known is stale or cannot be.',
    [
      '| column | what it is |',
      '|---|---|',
      ...CSV_COLUMNS.map(({ name, help }) => `| \`${name}\` | ${help} |`),
    ],
  );
}

function driversReference(): string {
  return page(
    'Drivers',
    'One suite of checks (`test/conformance`) is put to every driver. They answer alike but for the differences below; a difference ' +
      'that is not in the table fails the suite.',
    driversPage(),
  );
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

function diagnosticsPage(): string {
  const rows = Object.entries(DIAGNOSTICS).map(([code, help]) => `| \`${code}\` | ${help} |`);
  return page(
    'Diagnostics of policies',
    'What `ballonet check` finds, as `file:line:col: severity CODE: message`. Any error refuses the whole set.',
    [
      '| code | what it means |',
      '|---|---|',
      ...rows,
      '',
      '## Warnings',
      '',
      'What is allowed and probably not meant. The set runs all the same; `ballonet check --lint-fatal` exits with 3.',
      '',
      '| code | what it means |',
      '|---|---|',
      ...Object.entries(LINTS).map(([code, help]) => `| \`${code}\` | ${help} |`),
    ],
  );
}

function policyPage(): string {
  const kinds = {
    HostPolicy: HostPolicyDocument,
    GuestPolicy: GuestPolicyDocument,
    PolicyTest: PolicyTestDocument,
  };
  const sections = Object.entries(kinds).map(([kind, document]) => {
    const schema = z.toJSONSchema(document, { io: 'input' }) as Field;
    return [
      `## ${kind}`,
      '',
      '| field | value | default | meaning |',
      '|---|---|---|---|',
      ...fieldRows(schema),
      '',
    ];
  });
  return page(
    'The policy language',
    'A policy set is one HostPolicy and any number of GuestPolicies, in one file or several; PolicyTests stand in `*.test.yaml` files. Sizes, durations and rates need a unit: ' +
      '`512MiB`, `30s`, `1GiB/min`. Expressions are CEL; all their quantities are doubles in bytes, seconds, ratios and bytes per second.',
    [...sections.flat(), ...expressionSection()],
  );
}

function scenarioPage(): string {
  const { $defs, ...schema } = z.toJSONSchema(ScenarioDocument, { io: 'input' }) as Field & {
    readonly $defs?: Readonly<Record<string, Field>>;
  };
  const table = (field: Field) => [
    '| field | value | default | meaning |',
    '|---|---|---|---|',
    ...fieldRows(field),
    '',
  ];
  return page(
    'Scenarios',
    'A scenario is a host, its guests, what their programs want of memory, and what befalls them: one document in a file, for `simulate`, `serve` and `sim:///FILE.yaml`. ' +
      'Sizes, durations and rates need a unit. A size or percentage may be drawn for each guest of a class: `{from: 1GiB, to: 4GiB}` evenly, `{p5: 1%, p50: 4%, p95: 30%}` ' +
      'by its percentiles. Percentages are of the guest’s maximum. The scenarios that are shipped, in `scenarios/`, are the best examples.',
    [
      '## Scenario',
      '',
      ...table(schema),
      '## Demand',
      '',
      'A demand names exactly one of these forms; `sum` puts several together.',
      '',
      ...table($defs?.Demand ?? {}),
    ],
  );
}

function configPage(): string {
  const schema = z.toJSONSchema(ConfigDocument, { io: 'input' }) as Field;
  return page(
    'Configuration',
    'What `ballonet run --config FILE` is started with: one document in a file, `/etc/ballonet/ballonet.yaml` where a package has installed it. All fields of `spec` ' +
      'may be left out, and the flags of `run` win over them. Paths that do not begin with / are taken from the folder of the file. `ballonet check FILE` checks it with ' +
      'its policies. A file for another version of Ballonet is refused, with what to do.',
    ['| field | value | default | meaning |', '|---|---|---|---|', ...fieldRows(schema), ''],
  );
}

function expressionSection(): string[] {
  return [
    '## Expressions',
    '',
    'Conditions and quantities are [CEL](https://cel.dev). Numbers are doubles: sizes in bytes, times in seconds, rates per second. Write sizes ' +
      'with `KiB`, `MiB`, `GiB` and `TiB`: `2 * GiB`. Operators are those of CEL (`+ - * / < <= == != >= > && || ! ?: in`), methods `startsWith`, `endsWith`, ' +
      '`contains` and `size`. There are no regular expressions.',
    '',
    'A name has no value while the figure is not known, and an expression that needs it then fails: a target holds its guest, a veto bars shrinks, a ' +
      'level and a relief count as false. `has(guest.swap_out_rate)` is true where there is one; `oom_kills`, `alloc_stalls`, `psi_some` and `psi_full` are known of few guests.',
    '',
    'Conditions of levels see `host.*`, those of `match` what does not change while a guest runs: `guest.name`, `uuid`, `title`, `tags`, `os` and `max`. ' +
      'Everything else sees all of these, and `vars.NAME` for the variables of its policy (a variable, those above it).',
    '',
    '| name | meaning |',
    '|---|---|',
    ...Object.entries(NAME_HELP).map(([name, help]) => `| \`${name}\` | ${help} |`),
    '',
    '| function | meaning |',
    '|---|---|',
    ...Object.entries(NUMERIC_FUNCTIONS).map(([name, { help }]) => `| \`${name}\` | ${help} |`),
    '| `has` | `has(guest.cache)`: whether the name has a value. |',
    '| `double` | `double(x)`: a whole number, or a text, as a double. |',
    '| `all`, `exists`, `exists_one`, `map`, `filter` | CEL’s macros over lists; one cannot stand inside another. |',
    '',
  ];
}

function fieldRows(schema: Field): string[] {
  return fieldsOf(schema).map(
    ({ path, values, default: value, description }) =>
      `| \`${path}\` | ${values} | ${value === undefined ? '' : `\`${value}\``} | ${description} |`,
  );
}

function helpOf(command: Command): string {
  return command.configureHelp({ helpWidth: 100 }).helpInformation();
}

function page(title: string, lead: string, body: readonly string[]): string {
  return `${[`# ${title}`, '', GENERATED, '', lead, '', ...body].join('\n').trimEnd()}\n`;
}
