import type { Bytes, Seconds } from '../../src/model/units.ts';

export interface DomainSpec {
  readonly name: string;
  readonly uuid: string;
  readonly memory: Bytes;
  readonly accelerator: 'tcg' | 'kvm';
  /** Undefined leaves the balloon device out (`<memballoon model='none'/>`). */
  readonly balloon:
    | {
        readonly statsPeriod: Seconds | undefined;
        readonly autodeflate: boolean;
        readonly freePageReporting: boolean;
      }
    | undefined;
  /** Size of a swap device that is compressed memory of the guest. */
  readonly zram: Bytes | undefined;
  readonly kernel: string;
  readonly initramfs: string;
  /** Raw images; the serial tells the guest what each is for. */
  readonly disks: readonly { readonly serial: 'swap' | 'data'; readonly path: string }[];
  readonly consoleLog: string;
  readonly agentSocket: string;
}

/**
 * `mitigations=off` and no memory cgroup: quicker under emulation and leaner. Boot messages would slow the boot. `no_timer_check`: on a busy
 * machine the emulated timer is so late that the kernel takes it for broken and panics (check_timer() in arch/x86/kernel/apic/io_apic.c).
 */
export const KERNEL_LINE =
  'console=ttyS0 quiet loglevel=4 no_timer_check mitigations=off cgroup_disable=memory audit=0 random.trust_cpu=on';

const EMULATION = {
  // Without erms the kernel clears pages by wide stores: QEMU emulates `rep stosb` byte by byte, at half the speed.
  // A small translation buffer keeps QEMU's own memory small beside the guest's (the default is 1 GiB at most).
  tcg: {
    type: 'qemu',
    cpu: `<cpu mode='maximum'><feature policy='disable' name='erms'/></cpu>`,
    features: `<tcg><tb-cache unit='MiB'>32</tb-cache></tcg>`,
  },
  kvm: { type: 'kvm', cpu: `<cpu mode='host-passthrough'/>`, features: '' },
} as const;

/** The libvirt domain of a lab guest: no firmware menu, no graphics, no network, one processor. */
export function domainXml(spec: DomainSpec): string {
  const { type, cpu, features } = EMULATION[spec.accelerator];
  const text = escapeXml;
  const disks = spec.disks.map(
    ({ serial, path }, index) => `
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none' discard='unmap'/>
      <source file='${text(path)}'/>
      <target dev='vd${String.fromCharCode(97 + index)}' bus='virtio'/>
      <serial>${serial}</serial>
    </disk>`,
  );
  return `<domain type='${type}'>
  <name>${text(spec.name)}</name>
  <uuid>${spec.uuid}</uuid>
  <memory unit='b'>${spec.memory}</memory>
  <currentMemory unit='b'>${spec.memory}</currentMemory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${text(spec.kernel)}</kernel>
    <initrd>${text(spec.initramfs)}</initrd>
    <cmdline>${text(KERNEL_LINE)}${spec.zram === undefined ? '' : ` zram=${spec.zram}`}</cmdline>
  </os>
  <features><acpi/>${features}</features>
  ${cpu}
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/run/ballonet-lab/qemu</emulator>${disks.join('')}
    <controller type='usb' model='none'/>
    <serial type='file'><source path='${text(spec.consoleLog)}' append='on'/><target port='0'/></serial>
    <console type='file'><source path='${text(spec.consoleLog)}' append='on'/><target type='serial' port='0'/></console>
    <channel type='unix'>
      <source mode='bind' path='${text(spec.agentSocket)}'/>
      <target type='virtio' name='ballonet.lab'/>
    </channel>
    ${balloonXml(spec.balloon)}
    <video><model type='none'/></video>
  </devices>
</domain>
`;
}

function balloonXml(balloon: DomainSpec['balloon']): string {
  if (!balloon) return `<memballoon model='none'/>`;
  const switches = [
    balloon.autodeflate ? ` autodeflate='on'` : '',
    balloon.freePageReporting ? ` freePageReporting='on'` : '',
  ].join('');
  const stats = balloon.statsPeriod === undefined ? '' : `<stats period='${balloon.statsPeriod}'/>`;
  return `<memballoon model='virtio'${switches}>${stats}</memballoon>`;
}

function escapeXml(text: string): string {
  return text.replace(/[<>&'"]/g, character => `&#${character.charCodeAt(0)};`);
}
