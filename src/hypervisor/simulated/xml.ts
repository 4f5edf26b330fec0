import { bytesToKib } from '../../model/units.ts';
import { METADATA_NAMESPACE } from '../domain-xml.ts';
import { obstacleXml } from '../obstacle-xml.ts';
import { escapeXml } from '../xml-text.ts';
import type { SimulatedGuest } from './guest.ts';

/** The domain's XML as libvirt formats the parts of it that a simulated guest has. */
export function domainXmlOf(guest: SimulatedGuest): string {
  const { spec } = guest;
  const { inDomain, inDevices } = obstacleXml(spec.obstacles ?? []);
  const lines = [
    guest.active ? `<domain type='kvm' id='${guest.id}'>` : `<domain type='kvm'>`,
    `  <name>${escapeXml(guest.name)}</name>`,
    `  <uuid>${guest.uuid}</uuid>`,
    ...(spec.title === undefined ? [] : [`  <title>${escapeXml(spec.title)}</title>`]),
    ...metadataLines(spec.tags),
    `  <memory unit='KiB'>${bytesToKib(guest.parameters.maximum)}</memory>`,
    `  <currentMemory unit='KiB'>${guest.cachedKib}</currentMemory>`,
    `  <vcpu placement='static'>${spec.vcpus ?? 1}</vcpu>`,
    ...inDomain.map(line => `  ${line}`),
    `  <os>`,
    `    <type arch='x86_64' machine='q35'>hvm</type>`,
    `  </os>`,
    `  <on_poweroff>destroy</on_poweroff>`,
    `  <on_reboot>restart</on_reboot>`,
    `  <on_crash>preserve</on_crash>`,
    `  <devices>`,
    ...[...inDevices, ...balloonLines(guest)].map(line => `    ${line}`),
    `  </devices>`,
    `</domain>`,
  ];
  return `${lines.join('\n')}\n`;
}

function metadataLines(tags: SimulatedGuest['spec']['tags']): string[] {
  const attributes = Object.entries(tags ?? {}).map(([name, value]) => `${name}='${escapeXml(value)}'`);
  if (attributes.length === 0) return [];
  return [
    `  <metadata>`,
    `    <ballonet:tags xmlns:ballonet='${METADATA_NAMESPACE}' ${attributes.join(' ')}/>`,
    `  </metadata>`,
  ];
}

function balloonLines(guest: SimulatedGuest): string[] {
  if (!guest.hasBalloon) return [`<memballoon model='none'/>`];
  const period = guest.active ? guest.livePeriod : guest.configPeriod;
  const autodeflate = guest.spec.autodeflate ? ` autodeflate='on'` : '';
  const reporting = guest.spec.freePageReporting ? ` freePageReporting='on'` : '';
  const device = `<memballoon model='virtio'${autodeflate}${reporting}`;
  if (period === 0) return [`${device}/>`];
  return [`${device}>`, `  <stats period='${period}'/>`, `</memballoon>`];
}
