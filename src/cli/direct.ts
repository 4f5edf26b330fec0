/** What the verbs that go straight to the hypervisor share: one connection, closed whatever happens. */
import type { Command } from 'commander';
import type { Hypervisor } from '../hypervisor/driver.ts';
import { connect } from './connect.ts';
import { chooseUri } from './uri.ts';

/** @param access `fallback`: the hypervisor where `-c` names none, instead of the default */
export async function withHypervisor<T>(
  command: Command,
  { fallback, ...access }: { readonly readOnly: boolean; readonly fallback?: string | undefined },
  use: (hypervisor: Hypervisor) => Promise<T>,
): Promise<T> {
  const { connect: option } = command.optsWithGlobals<{ connect?: string }>();
  const hypervisor = await connect(chooseUri(option ?? fallback).uri, {
    ...access,
    onWarning: error => process.stderr.write(`ballonet: ${error.message}\n`),
  });
  try {
    return await use(hypervisor);
  } finally {
    await hypervisor.close();
  }
}
