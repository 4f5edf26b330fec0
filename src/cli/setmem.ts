import { Command } from 'commander';
import { type Bytes, bytesToKib, kibToBytes, parsePercent, parseSize, type Ratio } from '../model/units.ts';
import { withHypervisor } from './direct.ts';
import { orUsage } from './output.ts';

type Target = { readonly bytes: Bytes } | { readonly ratio: Ratio };

export function setmemVerb(): Command {
  return new Command('setmem')
    .summary('move the balloon of a running domain')
    .description(
      'Asks a running guest to shrink or grow to SIZE. The stored boot size is not touched. The hypervisor takes the request at ' +
        'once; whether the guest follows is seen in dommemstat. No policy and no guard stands between: the size is yours to choose.',
    )
    .argument('<domain>', 'name, id or uuid')
    .argument(
      '<size>',
      'a size with its unit, such as 512MiB or 4GiB, or a share of the maximum, such as 25%',
      parseTarget,
    )
    .action(async (name: string, target: Target, _options: object, command: Command) => {
      await withHypervisor(command, { readOnly: false }, async hypervisor => {
        const domain = await hypervisor.lookup(name);
        const bytes =
          'bytes' in target ? target.bytes : target.ratio * kibToBytes((await domain.info()).maxMemKib);
        await domain.setMemory(bytesToKib(bytes), { live: true });
      });
    });
}

function parseTarget(text: string): Target {
  return text.trim().endsWith('%')
    ? { ratio: orUsage(parsePercent(text)) }
    : { bytes: orUsage(parseSize(text)) };
}
