/** The conformance suite on the test driver of a real libvirtd. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { connectLibvirt } from '../../src/hypervisor/libvirt/hypervisor.ts';
import { KiB, MiB } from '../../src/model/units.ts';
import { conformance, type StartSubject } from '../conformance/suite.ts';
import { type Lab, startLab } from './lab.ts';
import { run } from './process.ts';

describe('a libvirtd', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ guests: 0 });
  });

  afterAll(async () => {
    await lab?.close();
  });

  const startTest: StartSubject = async () => {
    const uri = `test+unix:///default?socket=${lab.socket}`;
    const virsh = (...args: string[]) => run('virsh', ['-q', '-c', uri, ...args]);
    // The default host is shared by its connections and goes with the last of them.
    const holder = await connectLibvirt(uri);
    await virsh('destroy', 'test');
    await virsh('undefine', 'test');
    for (const name of ['guest', 'bare', 'off']) await define(name, virsh);
    for (const name of ['guest', 'bare']) await virsh('start', name);
    return {
      subject: {
        driver: 'libvirt-test',
        maximumKib: (512 * MiB) / KiB,
        connect: options => connectLibvirt(uri, options),
        pause: async name => void (await virsh('suspend', name)),
        resume: async name => void (await virsh('resume', name)),
        reboot: async name => void (await virsh('reboot', name)),
        async vanish() {
          await virsh('undefine', 'bare');
          await virsh('destroy', 'bare');
        },
      },
      close: () => holder.close(),
    };
  };

  async function define(name: string, virsh: (...args: string[]) => Promise<string>): Promise<void> {
    const file = join(lab.folder, `${randomUUID()}.xml`);
    await writeFile(file, testDomain(name));
    await virsh('define', file);
  }

  conformance('libvirt-test', startTest);
});

function testDomain(name: string): string {
  const balloon = name === 'bare' ? 'none' : 'virtio';
  return `<domain type='test'>
  <name>${name}</name>
  <memory unit='MiB'>512</memory>
  <vcpu>1</vcpu>
  <os><type>hvm</type></os>
  <devices><memballoon model='${balloon}'><stats period='1'/></memballoon></devices>
</domain>
`.replace(/(model='none')><stats.*<\/memballoon>/, '$1/>');
}
