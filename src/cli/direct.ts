/** What the verbs that go straight to the hypervisor share: one connection, closed whatever happens. */
import type { Command } from 'commander';
import type { Hypervisor } from '../hypervisor/driver.ts';
import { connect } from './connect.ts';
import { chooseUri } from './uri.ts';

export async function withHypervisor<T>(
  command: Command,
  access: { readonly readOnly: boolean },
  use: (hypervisor: Hypervisor) => Promise<T>,
): Promise<T> {
  const { connect: option } = command.optsWithGlobals<{ connect?: string }>();
  const hypervisor = await connect(chooseUri(option).uri, {
    ...access,
    onWarning: error => process.stderr.write(`ballonet: ${error.message}\n`),
  });
  try {
    return await use(hypervisor);
  } finally {
    await hypervisor.close();
  }
}
