import type { OptionShape, ProgramShape, Values, VerbShape } from './shape.ts';

export function bashScript({ name, options, verbs }: ProgramShape): string {
  const withValue = options.filter(({ values }) => values !== undefined).flatMap(({ flags }) => flags);
  return `# bash completion of ${name}; made by \`${name} completion bash\`
_${name}_domains() {
  ${name} list -o name 2>/dev/null
}

_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} verb='' i
  local IFS=$'\\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${withValue.join('|')}) ((i++)) ;;
      -*) ;;
      *) verb=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case "$verb $prev" in
${verbs.flatMap(verb => valueCases(name, verb)).join('\n')}
  esac
  if [[ -z $verb ]]; then
    COMPREPLY=($(compgen -W ${lines([...verbs.map(verb => verb.name), ...allFlags(options)])} -- "$cur"))
    return
  fi
  case $verb in
${verbs.map(verb => verbCase(name, verb)).join('\n')}
  esac
}

complete -F _${name} ${name}
`;
}

function valueCases(name: string, verb: VerbShape): string[] {
  return verb.options.flatMap(({ flags, values }) =>
    values === undefined
      ? []
      : [`    ${flags.map(flag => `'${verb.name} ${flag}'`).join('|')}) ${reply(name, values)}; return ;;`],
  );
}

function verbCase(name: string, { name: verb, options, argument }: VerbShape): string {
  const flags = `COMPREPLY=($(compgen -W ${lines(allFlags(options))} -- "$cur"))`;
  return `    ${verb}) if [[ $cur == -* ]]; then ${flags}; else ${reply(name, argument ?? { kind: 'any' })}; fi ;;`;
}

function reply(name: string, values: Values): string {
  switch (values.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W ${lines(values.words)} -- "$cur"))`;
    case 'domains':
      return `COMPREPLY=($(compgen -W "$(_${name}_domains)" -- "$cur"))`;
    case 'paths':
      return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur"))';
    case 'any':
      return ':';
  }
}

function allFlags(options: readonly OptionShape[]): string[] {
  return options.flatMap(({ flags }) => flags);
}

/** A bash string with a word on each line. */
function lines(words: readonly string[]): string {
  return `$'${words.join('\\n')}'`;
}
