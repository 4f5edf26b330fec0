import type { Obstacle } from '../../model/snapshot.ts';
import type { Kib, Seconds } from '../../model/units.ts';
import type { DomainRef } from '../driver.ts';
import { obstacleXml } from '../obstacle-xml.ts';
import { escapeXml } from '../xml-text.ts';

export interface XmlFacts {
  readonly domain: DomainRef;
  readonly maximumKib: Kib;
  readonly currentKib: Kib;
  readonly vcpus: number;
  /** Undefined without a balloon device. */
  readonly balloon:
    | { readonly deflateOnOom: boolean; readonly freePageReporting: boolean; readonly periodSeconds: Seconds }
    | undefined;
  readonly obstacles: readonly Obstacle[];
}

/** The parts of a libvirt domain XML that QEMU can tell of, as libvirt formats them (docs/formatdomain.rst). */
export function qemuDomainXml(facts: XmlFacts): string {
  const { domain, maximumKib, currentKib, vcpus, balloon } = facts;
  const { inDomain, inDevices } = obstacleXml(facts.obstacles);
  const lines = [
    `<domain type='qemu' id='${domain.id}'>`,
    `  <name>${escapeXml(domain.name)}</name>`,
    `  <uuid>${domain.uuid}</uuid>`,
    `  <memory unit='KiB'>${maximumKib}</memory>`,
    `  <currentMemory unit='KiB'>${currentKib}</currentMemory>`,
    `  <vcpu placement='static'>${vcpus}</vcpu>`,
    ...inDomain.map(line => `  ${line}`),
    `  <os>`,
    `    <type>hvm</type>`,
    `  </os>`,
    `  <devices>`,
    ...[...inDevices, ...balloonLines(balloon)].map(line => `    ${line}`),
    `  </devices>`,
    `</domain>`,
  ];
  return `${lines.join('\n')}\n`;
}

function balloonLines(balloon: XmlFacts['balloon']): string[] {
  if (!balloon) return [`<memballoon model='none'/>`];
  const autodeflate = balloon.deflateOnOom ? ` autodeflate='on'` : '';
  const reporting = balloon.freePageReporting ? ` freePageReporting='on'` : '';
  const device = `<memballoon model='virtio'${autodeflate}${reporting}`;
  if (balloon.periodSeconds === 0) return [`${device}/>`];
  return [`${device}>`, `  <stats period='${balloon.periodSeconds}'/>`, `</memballoon>`];
}
