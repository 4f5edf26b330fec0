import { describe, expect, it } from 'vitest';
import { driverlessParams } from '../../../test/fakes/balloon-params.ts';
import { domainXml } from '../../../test/fakes/fake-hypervisor.ts';

import { severalGuests } from '../../../test/fakes/several-guests.ts';

describe('the domain XML', () => {
  it('is read once a start and again when the domain was redefined', async () => {
    const { collector, hypervisor, add } = severalGuests();
    const guest = add('a');
    const title = async () => (await collector.collect()).guests[0]?.title;

    const before = [await title(), await title()];
    guest.xml = domainXml({ title: 'New' });
    hypervisor.events.next({ type: 'lifecycle', domain: guest.ref, kind: 'defined', detail: 1 });
    const redefined = await title();
    guest.ref = { ...guest.ref, id: 44 };
    guest.balloon = driverlessParams();
    await title();

    expect(before).toEqual([undefined, undefined]);
    expect(redefined).toBe('New');
    expect(hypervisor.calls.xml).toEqual(['a', 'a', 'a']);
  });

  it('of many guests is read a bounded number a tick, until all are known', async () => {
    const { collector, hypervisor, add } = severalGuests();
    for (let i = 0; i < 150; i++) add(`g${i}`);

    const fetched: number[] = [];
    for (let i = 0; i < 4; i++) {
      await collector.collect();
      fetched.push(hypervisor.calls.xml.length);
    }

    expect(fetched).toEqual([64, 128, 150, 150]);
    expect(new Set(hypervisor.calls.xml).size).toBe(150);
  });

  it('that cannot be read is told once and tried again later', async () => {
    const { collector, hypervisor, add, clock, edges } = severalGuests();
    const guest = add('a');
    guest.xml = '<domain';

    const { guests } = await collector.collect();
    clock.advance(29);
    await collector.collect();
    guest.xml = domainXml();
    clock.advance(1);
    const later = await collector.collect();

    expect(guests[0]?.balloon).toBeUndefined();
    expect(later.guests[0]?.balloon).toMatchObject({ device: 'virtio', autodeflate: false });
    expect(hypervisor.calls.xml).toHaveLength(2);
    expect(edges()).toEqual([
      ['guest:a:xml', 'PROTOCOL'],
      ['guest:a:xml', undefined],
    ]);
  });
});
