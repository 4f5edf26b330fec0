/** What the conformance suite needs of a driver: a host with guests in known roles, and hands that work without the driver. */
import type { ConnectOptions, Hypervisor } from '../../src/hypervisor/driver.ts';
import type { Kib } from '../../src/model/units.ts';

/** The drivers that the suite runs against, and what is behind each. */
export const DRIVERS = {
  'libvirt-qemu': "libvirt's qemu driver, a real guest in it",
  'libvirt-test': "libvirt's test driver",
  qmp: 'QEMU straight by QMP, a real guest in it',
  simulated: 'the simulated driver',
  served: "simulated guests behind `ballonet serve`, by the wire's client",
} as const;

export type DriverName = keyof typeof DRIVERS;

/**
 * A host. Its domains have the names of their roles; which of them there are, the suite asks.
 *
 * - `guest` runs, has a balloon, a driver in it, a boot of at least a second behind it and a stats period of 1 s.
 * - `bare` runs and has no balloon device.
 * - `off` is defined and does not run.
 */
export interface Subject {
  readonly driver: DriverName;
  /** Maximum of `guest`. */
  readonly maximumKib: Kib;
  /** One more connection; the suite closes it. */
  connect(options?: ConnectOptions): Promise<Hypervisor>;
  /** What an operator does, by other means than the driver. */
  readonly pause: (name: string) => Promise<void>;
  readonly resume: (name: string) => Promise<void>;
  readonly reboot: (name: string) => Promise<void>;
  /** Ends `bare`: its QEMU and its domain. */
  readonly vanish: () => Promise<void>;
}
