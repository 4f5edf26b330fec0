/** Who can be put at the balloons by name. */
import { type ControllerFactory, staticController } from './controller.ts';
import { oracleController } from './oracle.ts';

/** In the order of reports: nobody, the peers' algorithms, the physical limit. */
export const BASELINES = {
  static: staticController,
  oracle: oracleController,
} as const satisfies Readonly<Record<string, ControllerFactory>>;

export type BaselineName = keyof typeof BASELINES;

export function isBaseline(name: string): name is BaselineName {
  return Object.hasOwn(BASELINES, name);
}
