import type { OptionShape, ProgramShape, Values, VerbShape } from './shape.ts';

export function zshScript({ name, options, verbs }: ProgramShape): string {
  return `#compdef ${name}
# zsh completion of ${name}; made by \`${name} completion zsh\`
_${name}_domains() {
  local -a names
  names=(\${(f)"$(${name} list -o name 2>/dev/null)"})
  compadd -a names
}

_${name}() {
  local curcontext=$curcontext state line
  local -a verbs
  verbs=(
${verbs.map(verb => `    ${quote(`${verb.name}:${verb.summary}`)}`).join('\n')}
  )
  _arguments -C \\
${options
  .flatMap(option => optionSpecs(name, option))
  .map(spec => `    ${spec} \\`)
  .join('\n')}
    '1: :->verb' '*:: :->rest'
  case $state in
    verb) _describe verb verbs ;;
    rest)
      case $line[1] in
${verbs.map(verb => verbCase(name, verb)).join('\n')}
      esac ;;
  esac
}

_${name} "$@"
`;
}

function verbCase(name: string, { name: verb, options, argument }: VerbShape): string {
  const specs = options.flatMap(option => optionSpecs(name, option));
  if (argument !== undefined) specs.push(quote(`*:${argument.kind}:${action(name, argument)}`));
  return `        ${verb}) _arguments ${specs.join(' ')} ;;`;
}

function optionSpecs(name: string, { flags, description, values }: OptionShape): string[] {
  const said = description.replaceAll(/[[\]:\\]/g, ' ');
  const value = values === undefined ? '' : `:value:${action(name, values)}`;
  const others = flags.length > 1 ? `(${flags.join(' ')})` : '';
  return flags.map(flag => quote(`${others}${flag}[${said}]${value}`));
}

function action(name: string, values: Values): string {
  switch (values.kind) {
    case 'words':
      return `(${values.words.join(' ')})`;
    case 'domains':
      return `_${name}_domains`;
    case 'paths':
      return '_files';
    case 'any':
      return '';
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
