/** The hazards of guests that run, on real ones behind libvirt. */
import { connect } from '../../src/index.ts';
import { KiB } from '../../src/model/units.ts';
import { type HazardWorld, hazardsOfGuests } from '../hazards/guests.ts';
import { programsOf, REAL_TIME } from './hazard-world.ts';
import { startLab } from './lab.ts';

async function open(): Promise<HazardWorld> {
  const lab = await startLab({
    guests: [
      { name: 'worker', swap: '256MiB' },
      { name: 'auto', autodeflate: true, freePageReporting: true },
      { name: 'bare', balloon: false },
    ],
  });
  const hypervisor = await connect(lab.uri);
  return {
    hypervisor,
    ...REAL_TIME,
    guest(name) {
      const guest = lab.guest(['worker', 'auto'].indexOf(name));
      return {
        ...programsOf(guest.agent),
        size: async () => ((await guest.dommemstat()).actual ?? 0) * KiB,
        setMemory: bytes => guest.setMemory(bytes),
        pause: () => guest.pause(),
        resume: () => guest.resume(),
        reset: () => guest.reboot(),
        async restart() {
          await guest.destroy();
          await guest.start();
        },
        oomKills: () => guest.oomKills(),
      };
    },
    async [Symbol.asyncDispose]() {
      await hypervisor.close();
      await lab.close();
    },
  };
}

hazardsOfGuests('behind libvirt', open);
