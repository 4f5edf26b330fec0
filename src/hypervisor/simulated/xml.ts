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
    ...metadataLines(guest),
    `  <memory unit='KiB'>${bytesToKib(guest.parameters.maximum)}</memory>`,
    `  <currentMemory unit='KiB'>${guest.balloon.cachedKib}</currentMemory>`,
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

function metadataLines({ spec, metadata }: SimulatedGuest): string[] {
  const attributes = Object.entries(spec.tags ?? {}).map(([name, value]) => `${name}='${escapeXml(value)}'`);
  const tags = `<ballonet:tags xmlns:ballonet='${METADATA_NAMESPACE}' ${attributes.join(' ')}/>`;
  const stored = attributes.length === 0 || metadata.has(METADATA_NAMESPACE) ? [] : [tags];
  const live = [...metadata].map(([namespace, entry]) => metadataElement(namespace, entry));
  const elements = [...stored, ...live].map(element => `    ${element}`);
  return elements.length === 0 ? [] : ['  <metadata>', ...elements, '  </metadata>'];
}

/** As libvirt has it: the element's name with its prefix, which is bound on the element itself. */
export function metadataElement(
  namespace: string,
  { prefix, element }: { readonly prefix: string; readonly element: string },
): string {
  return element.replace(/^\s*<([\w.-]+)/, `<${prefix}:$1 xmlns:${prefix}='${escapeXml(namespace)}'`);
}

function balloonLines(guest: SimulatedGuest): string[] {
  if (!guest.hasBalloon) return [`<memballoon model='none'/>`];
  const period = guest.active ? guest.balloon.livePeriod : guest.configPeriod;
  const autodeflate = guest.spec.autodeflate ? ` autodeflate='on'` : '';
  const reporting = guest.spec.freePageReporting ? ` freePageReporting='on'` : '';
  const device = `<memballoon model='virtio'${autodeflate}${reporting}`;
  if (period === 0) return [`${device}/>`];
  return [`${device}>`, `  <stats period='${period}'/>`, `</memballoon>`];
}
