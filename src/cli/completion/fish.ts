import type { OptionShape, ProgramShape, Values, VerbShape } from './shape.ts';

export function fishScript({ name, options, verbs }: ProgramShape): string {
  const names = verbs.map(verb => verb.name).join(' ');
  const noVerb = quote(`not __fish_seen_subcommand_from ${names}`);
  return [
    `# fish completion of ${name}; made by \`${name} completion fish\``,
    `function __${name}_domains`,
    `    ${name} list -o name 2>/dev/null`,
    'end',
    `complete -c ${name} -f`,
    ...options.map(option => `complete -c ${name} -n ${noVerb}${optionWords(name, option)}`),
    ...verbs.map(verb => `complete -c ${name} -n ${noVerb} -a ${quote(verb.name)} -d ${quote(verb.summary)}`),
    ...verbs.flatMap(verb => verbLines(name, verb)),
    '',
  ].join('\n');
}

function verbLines(name: string, { name: verb, options, argument }: VerbShape): string[] {
  const when = `complete -c ${name} -n ${quote(`__fish_seen_subcommand_from ${verb}`)}`;
  const own = options.map(option => `${when}${optionWords(name, option)}`);
  return argument === undefined || argument.kind === 'any'
    ? own
    : [...own, `${when}${values(name, argument)}`];
}

function optionWords(name: string, { flags, description, values: taken }: OptionShape): string {
  const words = flags.map(flag => (flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`));
  const value = taken === undefined ? '' : ` ${taken.kind === 'paths' ? '-r' : '-x'}${values(name, taken)}`;
  return `${words.join('')} -d ${quote(description)}${value}`;
}

function values(name: string, taken: Values): string {
  switch (taken.kind) {
    case 'words':
      return ` -a ${quote(taken.words.join(' '))}`;
    case 'domains':
      return ` -a ${quote(`(__${name}_domains)`)}`;
    case 'paths':
      return ' -F';
    case 'any':
      return '';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
