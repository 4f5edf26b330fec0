import { Argument, Command } from 'commander';
import { bashScript } from './completion/bash.ts';
import { fishScript } from './completion/fish.ts';
import { describeProgram } from './completion/shape.ts';
import { zshScript } from './completion/zsh.ts';
import type { Streams } from './output.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** @param root gives the whole command line, which is not there yet when its verbs are made */
export function completionVerb({ out }: Streams, root: () => Command): Command {
  return new Command('completion')
    .summary('completion for a shell')
    .description(
      'Prints a script that completes verbs, options, values and names of guests. bash: source <(ballonet completion bash); zsh: write ' +
        'it to a file _ballonet in a folder of $fpath; fish: write it to ~/.config/fish/completions/ballonet.fish.',
    )
    .addArgument(new Argument('<shell>', 'for which').choices(Object.keys(SCRIPTS)))
    .action((shell: keyof typeof SCRIPTS) => {
      out(SCRIPTS[shell](describeProgram(root())));
    });
}
