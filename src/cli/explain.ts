import { Command } from 'commander';
import { ROUTES } from '../api/routes.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { type OutputFormat, outputOption, renderObject, type Streams } from './output.ts';

export function explainVerb({ out }: Streams): Command {
  return new Command('explain')
    .summary('why a guest is, or is not, moved')
    .description(
      "Explains the last decision about a guest: which policy governs it and why the others do not, the host's level, every step " +
        'with its numbers and the limit that bit, what each condition came to, and what would have to change for the guest to move.',
    )
    .argument('<domain>', 'name, id or uuid')
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (domain: string, { output, ...asking }: Asking & { output: OutputFormat }) => {
      const { text, ...explanation } = await daemonAt(asking).call(ROUTES.explain, { domain });
      out(renderObject(explanation, output, { human: () => text, name: () => domain }));
    });
}
