/** The command line as completion sees it, from the commands themselves. */
import type { Command, Option } from 'commander';

/** What may stand in a place: words of a list, names of guests, paths, or anything. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'domains' | 'paths' | 'any' };

export interface OptionShape {
  /** `-o` and `--output`, as far as there are both. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for a switch. */
  readonly values: Values | undefined;
}

export interface VerbShape {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionShape[];
  /** What its arguments are; undefined when it has none. */
  readonly argument: Values | undefined;
}

export interface ProgramShape {
  readonly name: string;
  readonly options: readonly OptionShape[];
  readonly verbs: readonly VerbShape[];
}

const PATHS = new Set(['path', 'file', 'dir', 'scenario']);

export function describeProgram(root: Command): ProgramShape {
  return {
    name: root.name(),
    options: root.options.map(optionShape),
    verbs: root.commands.map(verb => ({
      name: verb.name(),
      summary: verb.summary(),
      options: [...verb.options.map(optionShape), HELP],
      argument: argumentShape(verb),
    })),
  };
}

const HELP: OptionShape = { flags: ['-h', '--help'], description: 'print this help', values: undefined };

function optionShape(option: Option): OptionShape {
  const { short, long, description, argChoices } = option;
  const name = /<([^>]+)>/.exec(option.flags)?.[1];
  return {
    flags: [short, long].filter(flag => flag != null),
    description: description.split(/[;(]/)[0]?.trim() ?? '',
    values: name === undefined ? undefined : valuesOf(name, argChoices),
  };
}

function argumentShape(verb: Command): Values | undefined {
  const [first] = verb.registeredArguments;
  return first === undefined ? undefined : valuesOf(first.name(), first.argChoices);
}

function valuesOf(name: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { kind: 'words', words: choices };
  if (name === 'domain') return { kind: 'domains' };
  return PATHS.has(name.replace(/\.\.\.$/, '')) ? { kind: 'paths' } : { kind: 'any' };
}
