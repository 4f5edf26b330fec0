/** The conformance suite on QEMUs without libvirt. */
import { connectQmp } from '../../src/hypervisor/qemu/hypervisor.ts';
import { KiB } from '../../src/model/units.ts';
import { conformance, type StartSubject } from '../conformance/suite.ts';
import { startQmpGuests } from './qmp-guests.ts';
import { askMonitor } from './qmp-monitor.ts';

const startQmp: StartSubject = async () => {
  const vms = await startQmpGuests([
    { name: 'bare', boots: false },
    { name: 'guest', balloon: 'virtio-balloon-pci,id=bag' },
  ]);
  const guest = vms.guest('guest');
  await askMonitor(guest.monitor, 'qom-set', {
    path: '/machine/peripheral/bag',
    property: 'guest-stats-polling-interval',
    value: 1,
  });
  let connections = 0;
  return {
    subject: {
      driver: 'qmp',
      maximumKib: guest.memory / KiB,
      connect(options) {
        connections += 1;
        // A QMP socket serves one client at a time: further connections go to each guest's second one.
        return connectQmp(`qmp://${connections === 1 ? vms.folder : vms.monitors}`, options);
      },
      pause: async () => void (await askMonitor(guest.monitor, 'stop')),
      resume: async () => void (await askMonitor(guest.monitor, 'cont')),
      async reboot() {
        await guest.agent.reboot();
        await guest.rebooted();
      },
      async vanish() {
        vms.guest('bare').signal('SIGKILL');
        await vms.guest('bare').ended();
      },
    },
    close: async () => vms[Symbol.asyncDispose](),
  };
};

conformance('qmp', startQmp);
