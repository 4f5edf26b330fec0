import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../model/errors.ts';
import { parseDomainXml } from './domain-xml.ts';

const LIVE = `<?xml version="1.0"?>
<!-- as libvirt 9 formats a running qemu domain -->
<domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>web-1</name>
  <uuid>1b3c5d7e-0000-4000-8000-000000000001</uuid>
  <title>Shop &amp; front</title>
  <description>&lt;title&gt;not this&lt;/title&gt;</description>
  <metadata>
    <app:info xmlns:app='http://example.org/app'>
      <title>inner title</title>
      <devices><memballoon model='none'/></devices>
    </app:info>
  </metadata>
  <memory unit='KiB'>2097152</memory>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><memballoon model='none'/><title>disk</title></disk>
    <memballoon model='virtio' autodeflate='on' freePageReporting='on'>
      <stats period='5'/>
      <alias name='balloon0'/>
    </memballoon>
  </devices>
  <qemu:commandline><qemu:arg value='-foo'/></qemu:commandline>
</domain>
`;

function withDevices(devices: string): string {
  return `<domain type='kvm'><name>x</name><devices>${devices}</devices></domain>`;
}

function codeOf(xml: string): string | undefined {
  try {
    parseDomainXml(xml);
    return undefined;
  } catch (error) {
    return isBallonetError(error) ? error.code : `not ours: ${String(error)}`;
  }
}

describe('parseDomainXml', () => {
  it('reads title and balloon of a live domain, past metadata, foreign elements and namespaces', () => {
    expect(parseDomainXml(LIVE)).toEqual({
      title: 'Shop & front',
      balloon: { device: 'virtio', autodeflate: true, freePageReporting: true, statsPeriodSeconds: 5 },
      obstacles: [],
    });
  });

  it.each([
    [`<memballoon model='virtio'/>`, { device: 'virtio', autodeflate: false }],
    [`<memballoon model='virtio' autodeflate='off'/>`, { device: 'virtio', autodeflate: false }],
    [`<memballoon model='virtio-non-transitional'/>`, { device: 'virtio', autodeflate: false }],
    [`<memballoon model='virtio'><stats period='0'/></memballoon>`, { device: 'virtio', autodeflate: false }],
    [`<memballoon model='virtio'><stats/></memballoon>`, { device: 'virtio', autodeflate: false }],
    [
      `<memballoon model='virtio'><stats period='soon'/></memballoon>`,
      { device: 'virtio', autodeflate: false },
    ],
    [
      `<memballoon model='virtio'><stats period='10'/></memballoon>`,
      { device: 'virtio', autodeflate: false, statsPeriodSeconds: 10 },
    ],
    [`<memballoon model='virtio'/><memballoon model='none'/>`, { device: 'virtio', autodeflate: false }],
    [`<memballoon model='none'/>`, { device: 'none', autodeflate: false }],
    [`<memballoon model='xen'/>`, { device: 'none', autodeflate: false }],
    [`<memballoon/>`, { device: 'none', autodeflate: false }],
    [``, { device: 'none', autodeflate: false }],
    [`<panic><stats period='3'/></panic>`, { device: 'none', autodeflate: false }],
  ])('understands %s', (devices, balloon) => {
    expect(parseDomainXml(withDevices(devices))).toEqual({
      balloon: { ...balloon, freePageReporting: false },
      obstacles: balloon.device === 'none' ? ['no-balloon'] : [],
    });
  });

  const withMetadata = (metadata: string, root = ''): string =>
    `<domain type='kvm' ${root}><metadata>${metadata}</metadata></domain>`;

  it.each([
    [`<ballonet:tags xmlns:ballonet='urn:ballonet:domain:1' tier='gold' env='a &amp; b'/>`],
    [`<x:tags xmlns:x='urn:ballonet:domain:1' tier='gold' env='a &amp; b'/>`],
    [`<tags xmlns='urn:ballonet:domain:1' tier='gold' env='a &amp; b'><deep a='b'/></tags>`],
    [
      `<x:tags xmlns:x='urn:ballonet:domain:1' x:tier='no' tier='gold' env='a &amp; b'/><x:tags xmlns:x='urn:ballonet:domain:1' tier='2'/>`,
    ],
  ])('reads tags from %s', metadata => {
    expect(parseDomainXml(withMetadata(metadata)).tags).toEqual({ tier: 'gold', env: 'a & b' });
  });

  it('reads tags whose namespace is bound above them', () => {
    const root = `xmlns:b='urn:ballonet:domain:1'`;
    expect(parseDomainXml(withMetadata(`<b:tags tier='gold'/>`, root)).tags).toEqual({ tier: 'gold' });
  });

  it.each([
    [`<ballonet:tags xmlns:ballonet='urn:other' tier='gold'/>`],
    [`<ballonet:tags tier='gold'/>`],
    [`<tags tier='gold'/>`],
    [`<a><x:tags xmlns:x='urn:ballonet:domain:1' tier='gold'/></a>`],
    [`<x:libosinfo xmlns:x='urn:other'><x:os id='http://debian.org/debian/12'/></x:libosinfo>`],
  ])('takes nothing from %s', metadata => {
    const domain = parseDomainXml(withMetadata(metadata));
    expect(domain).not.toHaveProperty('tags');
    expect(domain).not.toHaveProperty('os');
  });

  it('reads the operating system that virt-install leaves', () => {
    const metadata = `<libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
      <libosinfo:os id='http://debian.org/debian/12'/></libosinfo:libosinfo>`;
    expect(parseDomainXml(withMetadata(metadata)).os).toBe('http://debian.org/debian/12');
  });

  it('takes a tag for what it says, whatever it is called', () => {
    const { tags } = parseDomainXml(
      withMetadata(`<x:tags xmlns:x='urn:ballonet:domain:1' __proto__='a' constructor='b'/>`),
    );
    expect(Object.entries(tags ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  it('has no title when there is none, or an empty one', () => {
    expect(parseDomainXml(`<domain><title></title></domain>`)).not.toHaveProperty('title');
    expect(parseDomainXml(`<domain/>`)).not.toHaveProperty('title');
  });

  it('reads a title in CDATA', () => {
    expect(parseDomainXml(`<domain><title>a<![CDATA[<b>]]>c</title></domain>`).title).toBe('a<b>c');
  });

  it.each([
    ['', 'empty'],
    ['<domain>', 'cut off'],
    ['<domain></domains>', 'mismatched'],
    ['<domain><title>&undefined;</title></domain>', 'unknown entity'],
    ['<!DOCTYPE d [<!ENTITY a "aaaa">]><domain><title>&a;</title></domain>', 'own entity'],
    ['<network/>', 'no domain'],
    ['<domain/><domain/>', 'two roots'],
    ['domain', 'plain text'],
    [`<domain a='1' a='2'/>`, 'attribute twice'],
  ])('refuses %j (%s) as a protocol error', xml => {
    expect(codeOf(xml)).toBe('PROTOCOL');
  });

  it('refuses more than 4 MiB, counted in bytes', () => {
    const filler = (count: number): string => `<domain><metadata>${'ä'.repeat(count)}</metadata></domain>`;
    expect(codeOf(filler(2 * 1024 ** 2))).toBe('PROTOCOL');
    expect(codeOf(filler(2 * 1024 ** 2 - 50))).toBeUndefined();
  });

  it('reads deep nesting in a time that grows with its length only', () => {
    const depth = 200_000;
    const xml = withDevices(`${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}<memballoon model='virtio'/>`);
    expect(parseDomainXml(xml).balloon.device).toBe('virtio');
  });

  it('gives a value or a protocol error for any mutilation of a domain', () => {
    const mutilation = fc.record({
      at: fc.nat(LIVE.length),
      cut: fc.nat(40),
      insert: fc.oneof(
        fc.string({ maxLength: 8 }),
        fc.constantFrom('<', '>', '&', "'", '<title>', '</devices>', '<![CDATA[', '\0'),
      ),
    });
    fc.assert(
      fc.property(fc.array(mutilation, { minLength: 1, maxLength: 4 }), mutilations => {
        const xml = mutilations.reduce(
          (text, { at, cut, insert }) => text.slice(0, at) + insert + text.slice(at + cut),
          LIVE,
        );
        expect([undefined, 'PROTOCOL']).toContain(codeOf(xml));
      }),
      { numRuns: 1000 },
    );
  });
});
