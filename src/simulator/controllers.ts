/** Who can be put at the balloons by name. */
import { baselineController } from './baselines/baseline.ts';
import { esx } from './baselines/esx.ts';
import { hyperv } from './baselines/hyperv.ts';
import { mom } from './baselines/mom.ts';
import { pi } from './baselines/pi.ts';
import { proxmox } from './baselines/proxmox.ts';
import { qmemman } from './baselines/qmemman.ts';
import { squeezed } from './baselines/squeezed.ts';
import { type ControllerFactory, staticController } from './controller.ts';
import { oracleController } from './oracle.ts';

/** In the order of reports: nobody, the peers' algorithms, the physical limit. */
export const BASELINES = {
  static: staticController,
  mom: baselineController(mom),
  proxmox: baselineController(proxmox),
  qmemman: baselineController(qmemman),
  squeezed: baselineController(squeezed),
  esx: baselineController(esx),
  hyperv: baselineController(hyperv),
  pi: baselineController(pi),
  oracle: oracleController,
} as const satisfies Readonly<Record<string, ControllerFactory>>;

export type BaselineName = keyof typeof BASELINES;

export function isBaseline(name: string): name is BaselineName {
  return Object.hasOwn(BASELINES, name);
}
