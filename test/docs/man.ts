/** The manual pages, made from the code as the reference pages are; `npm run docs` writes them to packaging/man. */
import type { Command, Option } from 'commander';
import { z } from 'zod';
import { program } from '../../src/cli/program.ts';
import { NUMERIC_FUNCTIONS } from '../../src/policy/expression/functions.ts';
import { NAME_HELP } from '../../src/policy/expression/name-help.ts';
import { GuestPolicyDocument } from '../../src/policy/schema/guest-policy.ts';
import { HostPolicyDocument } from '../../src/policy/schema/host-policy.ts';
import { PolicyTestDocument } from '../../src/policy/schema/policy-test.ts';
import { type Field, fieldsOf } from './fields.ts';

/** Of the version in package.json; mandoc wants a day. */
const DAY = '2026-11-23';

/** @param version of package.json */
export function manPages(version: string): ReadonlyMap<string, string> {
  return new Map([
    ['ballonet.1', commandPage(version)],
    ['ballonet-policy.5', policyPage(version)],
  ]);
}

function commandPage(version: string): string {
  const root = program({ out: () => {}, err: () => {} }, version);
  return page('ballonet', 1, version, root.description(), [
    [
      'SYNOPSIS',
      [
        `${bold('ballonet')} [${bold('-c')} ${italic('uri')}] ${italic('command')} [${italic('argument')} ...]`,
      ],
    ],
    ['DESCRIPTION', paragraphs(DESCRIPTION)],
    ['OPTIONS', root.options.flatMap(optionEntry)],
    ['COMMANDS', root.commands.flatMap(verbSection)],
    ['EXIT STATUS', list(EXIT_CODES)],
    ['ENVIRONMENT', list(ENVIRONMENT)],
    ['FILES', list(FILES)],
    [
      'EXAMPLES',
      EXAMPLES.flatMap(([text, command]) => [
        ...paragraphs([text]),
        '.PP',
        '.nf',
        `    ${escaped(command)}`,
        '.fi',
      ]),
    ],
    ['SEE ALSO', ['.BR ballonet-policy (5),', '.BR virsh (1),', '.BR systemctl (1)']],
  ]);
}

const DESCRIPTION = [
  'Ballonet tunes the memory balloons of KVM guests. Streams of guest memory statistics feed declarative policies, the policies decide a ' +
    'balloon target for every guest, and the balloon is moved: an overcommitted host takes back what its guests do not use, and gives ' +
    'it back before they miss it.',
  'ballonet run is the daemon. status, list, describe, explain, decisions and events ask it; pause, resume, release and reload tell it ' +
    'something. check, test and simulate try policies without any guest. dommemstat, domstats and setmem talk to the hypervisor themselves.',
  'A domain is given by its name, id or uuid. Sizes need a unit (512MiB, 4GiB, 25%), durations too (30s, 2h). Data goes to stdout, messages ' +
    'to stderr.',
];

const EXIT_CODES: readonly Entry[] = [
  ['0', 'It did what was asked.'],
  ['1', 'The check, test or command failed.'],
  ['2', 'The command line is wrong.'],
  ['3', 'check --lint-fatal found warnings only.'],
  ['4', 'The daemon or the hypervisor cannot be reached.'],
  ['5', 'There is no such domain.'],
  ['78', 'The daemon refuses its configuration.'],
  ['130', 'It was interrupted.'],
];

const ENVIRONMENT: readonly Entry[] = [
  ['LIBVIRT_DEFAULT_URI', 'The hypervisor to talk to, where --connect does not say.'],
  ['NO_COLOR', 'No colours, also on a terminal.'],
  [
    'STATE_DIRECTORY, XDG_STATE_HOME',
    'Where the daemon keeps its state and journal, where --state does not say.',
  ],
  ['RUNTIME_DIRECTORY, XDG_RUNTIME_DIR', 'Where its socket is, where --socket does not say.'],
];

const FILES: readonly Entry[] = [
  ['/etc/ballonet/policies/*.yaml', 'The policies of ballonet.service, as one set.'],
  ['/etc/ballonet/ballonet.yaml', 'What ballonet.service runs with: see run --config.'],
  ['/etc/default/ballonet', 'Options of ballonet.service that win over it.'],
  ['/run/ballonet/ballonet.sock', 'The socket of the daemon.'],
  ['/var/lib/ballonet', 'Its state, and the journal of figures, decisions and events.'],
  ['/usr/share/ballonet/policies', 'Policies to start from, with their tests.'],
];

const EXAMPLES: readonly Entry[] = [
  [
    'See what a policy would do to the guests of this host, and move nothing:',
    'ballonet run --policy policies/standard.yaml --dry-run',
  ],
  ['Ask why a guest is, or is not, moved:', 'ballonet explain web-1'],
  ['Leave a guest alone for two hours:', "ballonet pause web-1 --for 2h --reason 'load test'"],
  ['Give all guests their memory back:', 'ballonet release'],
  [
    'Look at an hour of a simulated host in seconds:',
    'ballonet simulate overcommitted --policy policies/standard.yaml --baseline static',
  ],
];

function verbSection(verb: Command): string[] {
  const operands = verb.registeredArguments.map(argument => {
    const text = `${italic(argument.name())}${argument.variadic ? ' ...' : ''}`;
    return argument.required ? text : `[${text}]`;
  });
  const options = verb.options.length > 0 ? ['[options]'] : [];
  return [
    `.SS ${[bold(`ballonet ${verb.name()}`), ...options, ...operands].join(' ')}`,
    filled(verb.description() === '' ? sentence(verb.summary()) : verb.description()),
    ...verb.registeredArguments.flatMap(argument => [
      '.TP',
      italic(argument.name()),
      filled(sentence(`${argument.description}${choices(argument.argChoices)}`)),
    ]),
    ...verb.options.flatMap(optionEntry),
  ];
}

function optionEntry({
  flags,
  description,
  argChoices,
  defaultValue,
  defaultValueDescription,
}: Option): string[] {
  const [, names = flags, value] = /^(.*?)(?: <(.*)>)?$/.exec(flags) ?? [];
  const standard: unknown = defaultValueDescription ?? defaultValue;
  const isPlain = typeof standard === 'string' || typeof standard === 'number';
  const end = isPlain ? `; default: ${standard}` : '';
  return [
    '.TP',
    `${names.split(', ').map(bold).join(', ')}${value === undefined ? '' : ` ${italic(value)}`}`,
    filled(sentence(`${description}${choices(argChoices)}${end}`)),
  ];
}

function choices(words: readonly string[] | undefined): string {
  return words === undefined ? '' : `: ${words.join(', ')}`;
}

function policyPage(version: string): string {
  const kinds = {
    HostPolicy: HostPolicyDocument,
    GuestPolicy: GuestPolicyDocument,
    PolicyTest: PolicyTestDocument,
  };
  return page('ballonet-policy', 5, version, 'the policies of ballonet', [
    ['DESCRIPTION', paragraphs(POLICY_DESCRIPTION)],
    ['EXAMPLE', ['.nf', ...POLICY_EXAMPLE.trim().split('\n').map(escaped), '.fi']],
    ...Object.entries(kinds).map(([kind, document]): Section => {
      const fields = fieldsOf(z.toJSONSchema(document, { io: 'input' }) as Field);
      return [
        kind.toUpperCase(),
        fields.flatMap(({ path, values, default: value, description }) => [
          '.TP',
          `${bold(path)} (${[values.replaceAll('`', ''), ...(value === undefined ? [] : [`default ${value}`])].map(escaped).join('; ')})`,
          filled(description),
        ]),
      ];
    }),
    [
      'EXPRESSIONS',
      [
        ...paragraphs([
          'Conditions and quantities are CEL. All numbers are doubles: sizes in bytes, times in seconds, rates per second; write sizes with KiB, MiB, GiB and TiB. ' +
            'A name has no value while the figure is not known, and an expression that needs it then fails: a target holds its guest, a veto bars shrinks, a level ' +
            'and a relief count as false. has(guest.swap_out_rate) is true where there is a value.',
        ]),
        ...list(Object.entries(NAME_HELP)),
        ...list(Object.entries(NUMERIC_FUNCTIONS).map(([name, { help }]) => [name, help])),
      ],
    ],
    ['SEE ALSO', ['.BR ballonet (1)']],
  ]);
}

const POLICY_DESCRIPTION = [
  'A policy set is one HostPolicy, which says when the host is short of memory, and any number of GuestPolicies, which say what their ' +
    'guests do then; in one YAML file or several. Of the GuestPolicies that match a guest, the one of highest precedence governs it. ' +
    'PolicyTests stand in files of their own, *.test.yaml.',
  'Sizes, durations and rates need a unit: 512MiB, 30s, 1GiB/min. ballonet check finds what is wrong, with its place and the fix; any ' +
    'error refuses the whole set, and a daemon that runs goes on with the set it has.',
];

const POLICY_EXAMPLE = `
apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: my-host}
spec:
  mode: observe
  pressure:
    - {name: soft, when: host.available_ratio < 0.20, for: 15s, keepFor: 5m}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  guarantees: {min: 50%}
  target: guest.demand + 512 * MiB
  vetoes:
    - {name: swapping, when: has(guest.swap_out_rate) && guest.swap_out_rate > 256 * KiB, hold: 2m}
`;

type Entry = readonly [term: string, text: string];
type Section = readonly [head: string, lines: readonly string[]];

function page(
  name: string,
  section: number,
  version: string,
  purpose: string,
  sections: readonly Section[],
): string {
  const title = `.TH ${name.toUpperCase()} ${section} ${DAY} "Ballonet ${version}" "Ballonet"`;
  const summary = purpose.charAt(0).toLowerCase() + purpose.slice(1).replace(/\.$/, '');
  const all: readonly Section[] = [['NAME', [`${escaped(name)} \\- ${escaped(summary)}`]], ...sections];
  const lines = all.flatMap(([head, body]) => [`.SH ${head.includes(' ') ? `"${head}"` : head}`, ...body]);
  return `${['.\\" Made from the code by `npm run docs`.', title, ...lines].join('\n')}\n`;
}

/** The first one follows its head, which a `.PP` must not. */
function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((text, index) => [...(index === 0 ? [] : ['.PP']), filled(text)]);
}

function list(entries: readonly Entry[]): string[] {
  return entries.flatMap(([term, text]) => ['.TP', bold(term), filled(text)]);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?]$/.test(text) ? '' : '.'}`;
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

function italic(text: string): string {
  return `\\fI${escaped(text)}\\fR`;
}

/** A paragraph in short lines, which roff fills again. */
function filled(text: string): string {
  return escaped(text.replace(/(?=\S)(.{1,72})(?:\s+|$)/g, '$1\n').trimEnd());
}

/** Text as roff(7) prints it: a line that begins with a dot or quote would be a macro; a hyphen is not a minus. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', "'")
    .replace(/^([.'])/gm, '\\&$1');
}
