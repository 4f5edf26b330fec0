/** The conformance suite on a real libvirtd's qemu driver, with real guests. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { connectLibvirt } from '../../src/hypervisor/libvirt/hypervisor.ts';
import { KiB } from '../../src/model/units.ts';
import { conformance, type StartSubject } from '../conformance/suite.ts';
import { type Lab, startLab } from './lab.ts';

describe('a libvirtd', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({
      guests: [
        { name: 'guest', statsPeriod: 1 },
        { name: 'bare', balloon: false },
      ],
    });
  });

  afterAll(async () => {
    await lab?.close();
  });

  const startQemu: StartSubject = async () => {
    const guest = lab.guest(0);
    const virsh = (...args: string[]) => lab.virsh(...args);
    const like = await virsh('dumpxml', '--inactive', 'guest');
    await define(
      like
        .replace('<name>guest<', '<name>off<')
        .replace(/<uuid>.*?</, `<uuid>${randomUUID()}<`)
        .replaceAll('guest.sock', 'off.sock'),
    );
    return {
      subject: {
        driver: 'libvirt-qemu',
        maximumKib: guest.memory / KiB,
        connect: ({ readOnly, ...options } = {}) =>
          connectLibvirt(readOnly ? lab.readOnlyUri : lab.uri, { ...options, ...(readOnly && { readOnly }) }),
        pause: () => guest.pause(),
        resume: () => guest.resume(),
        reboot: () => guest.reboot(),
        async vanish() {
          await virsh('undefine', 'bare');
          await virsh('destroy', 'bare');
        },
      },
      close: async () => {},
    };
  };

  async function define(xml: string): Promise<void> {
    const file = join(lab.folder, `${randomUUID()}.xml`);
    await writeFile(file, xml);
    await lab.virsh('define', file);
  }

  conformance('libvirt-qemu', startQemu);
});
