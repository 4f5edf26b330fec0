/** The hazards of guests that run, on real ones behind QMP. */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../src/index.ts';
import { MiB } from '../../src/model/units.ts';
import { type HazardWorld, hazardsOfGuests } from '../hazards/guests.ts';
import { programsOf, REAL_TIME } from './hazard-world.ts';
import { startQmpGuests } from './qmp-guests.ts';
import { askMonitor } from './qmp-monitor.ts';

async function open(): Promise<HazardWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-hazards-'));
  const swap = join(folder, 'swap');
  await writeFile(swap, '');
  await truncate(swap, 256 * MiB);
  const device = ['-device', 'virtio-blk-pci,drive=swap,serial=swap'];
  const tidy = () => rm(folder, { recursive: true });
  const vms = await startQmpGuests([
    {
      name: 'worker',
      balloon: 'virtio-balloon-pci',
      extra: ['-drive', `file=${swap},if=none,id=swap,format=raw`, ...device],
    },
    { name: 'auto', balloon: 'virtio-balloon-pci,deflate-on-oom=on,free-page-reporting=on' },
    { name: 'bare' },
  ]).catch(async (error: unknown) => {
    await tidy();
    throw error;
  });
  const hypervisor = await connect(`qmp://${vms.folder}`, { reconnect: true });
  return {
    hypervisor,
    ...REAL_TIME,
    guest(name) {
      const guest = vms.guest(name);
      const ask = (command: string, args?: object) => askMonitor(guest.monitor, command, args);
      return {
        ...programsOf(guest.agent),
        async size() {
          const { actual } = Object(await ask('query-balloon'));
          return Number(actual);
        },
        setMemory: async bytes => void (await ask('balloon', { value: bytes })),
        pause: async () => void (await ask('stop')),
        resume: async () => void (await ask('cont')),
        async reset() {
          await ask('system_reset');
          await guest.rebooted();
        },
        async restart() {
          guest.signal('SIGKILL');
          await guest.ended();
          await guest.start();
        },
        oomKills: () => guest.oomKills(),
      };
    },
    async [Symbol.asyncDispose]() {
      await hypervisor.close();
      await vms[Symbol.asyncDispose]();
      await tidy();
    },
  };
}

hazardsOfGuests('behind QMP', open);
