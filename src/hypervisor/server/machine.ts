/** What the server tells of the machine that the guests are on, beside its memory. */
import { cpus, hostname } from 'node:os';

export interface Machine {
  readonly hostname: string;
  readonly cpus: number;
  readonly megahertz: number;
}

/** The machine that this process runs on; a simulated host has no processors of its own. */
export function thisMachine(): Machine {
  const processors = cpus();
  return {
    hostname: hostname(),
    cpus: Math.max(1, processors.length),
    megahertz: processors[0]?.speed ?? 0,
  };
}

/** `virConnectGetCapabilities`: one NUMA node, fully virtualised x86-64 guests (docs/formatcaps.rst). */
export function capabilitiesXml(machine: Machine, totalKib: number): string {
  const ids = Array.from({ length: machine.cpus }, (_, i) => i);
  return [
    '<capabilities>',
    '  <host>',
    '    <cpu>',
    '      <arch>x86_64</arch>',
    '    </cpu>',
    '    <topology>',
    "      <cells num='1'>",
    "        <cell id='0'>",
    `          <memory unit='KiB'>${totalKib}</memory>`,
    `          <cpus num='${machine.cpus}'>`,
    ...ids.map(
      id => `            <cpu id='${id}' socket_id='0' die_id='0' core_id='${id}' siblings='${id}'/>`,
    ),
    '          </cpus>',
    '        </cell>',
    '      </cells>',
    '    </topology>',
    '  </host>',
    '  <guest>',
    '    <os_type>hvm</os_type>',
    "    <arch name='x86_64'>",
    '      <wordsize>64</wordsize>',
    "      <domain type='kvm'/>",
    '    </arch>',
    '  </guest>',
    '</capabilities>',
    '',
  ].join('\n');
}
