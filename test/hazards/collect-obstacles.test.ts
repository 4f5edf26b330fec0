/** Hazards of guests whose balloon frees nothing, or must be left alone: they are found and named. */
import { describe, expect, it } from 'vitest';
import { domainXml } from '../fakes/fake-hypervisor.ts';
import { oneGuest } from '../fakes/one-guest.ts';

const withXml = (inDomain: string, inDevices = '') =>
  domainXml().replace('<devices>', `${inDomain}<devices>${inDevices}`);

describe('what the domain XML forbids', () => {
  it.each([
    [
      'H21: a PCI device passed through pins the guest',
      '',
      `<hostdev mode='subsystem' type='pci'/>`,
      'passthrough',
    ],
    [
      'H21: so does a mediated one',
      '',
      `<hostdev mode='subsystem' type='mdev' model='vfio-pci'/>`,
      'passthrough',
    ],
    ['H21: so does a network card passed through', '', `<interface type='hostdev'/>`, 'passthrough'],
    ['H21: so does vDPA', '', `<interface type='vdpa'/>`, 'passthrough'],
    ['H21: so does a vDPA disk', '', `<disk type='vhostvdpa'/>`, 'passthrough'],
    ['H21: so does an NVMe disk driven by QEMU', '', `<disk type='nvme'/>`, 'passthrough'],
    [
      'H21: huge pages are not freed in pieces',
      '<memoryBacking><hugepages/></memoryBacking>',
      '',
      'hugepages',
    ],
    ['H21: locked memory is not freed', '<memoryBacking><locked/></memoryBacking>', '', 'locked'],
    ['H21: encrypted memory is pinned', `<launchSecurity type='sev'/>`, '', 'launch-security'],
    ['H21: virtio-mem resizes the guest too', '', `<memory model='virtio-mem'/>`, 'virtio-mem'],
  ])('%s', async (_, inDomain, inDevices, obstacle) => {
    const { sample } = oneGuest(withXml(inDomain, inDevices));

    expect((await sample()).obstacles).toEqual([obstacle]);
  });

  it('H21: a domain without balloon device has none to move', async () => {
    const { sample } = oneGuest(domainXml({ model: 'none' }));

    expect((await sample()).obstacles).toEqual(['no-balloon']);
  });

  it.each([
    ['a USB device', '', `<hostdev mode='subsystem' type='usb'/>`],
    ['a mediated device that lets pages go', '', `<hostdev mode='subsystem' type='mdev' model='vfio-ccw'/>`],
    ['a plain DIMM', '', `<memory model='dimm'/>`],
    ['shared memory', `<memoryBacking><access mode='shared'/></memoryBacking>`, ''],
    ['an element of the same name elsewhere', '<metadata><hugepages/></metadata>', '<disk><locked/></disk>'],
  ])('is not %s', async (_, inDomain, inDevices) => {
    const { sample } = oneGuest(withXml(inDomain, inDevices));

    expect((await sample()).obstacles).toEqual([]);
  });

  it('is unknown, not nothing, until the XML has been read', async () => {
    const { sample } = oneGuest('<domain');

    expect((await sample()).obstacles).toBeUndefined();
  });

  it('H40: free page reporting is told, and its guest keeps the figures it has', async () => {
    const reporting = oneGuest(
      domainXml().replace("model='virtio'", "model='virtio' freePageReporting='on'"),
    );
    const plain = oneGuest();

    const [guest, other] = [await reporting.sample(), await plain.sample()];

    expect([guest.balloon?.freePageReporting, other.balloon?.freePageReporting]).toEqual([true, false]);
    expect(guest.readings).toEqual(other.readings);
  });
});
