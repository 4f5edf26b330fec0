import type { Bytes, Seconds } from '../../model/units.ts';
import type { Score } from '../score.ts';

/** What `simulate -o json` prints. */
export interface SimulationReport {
  readonly apiVersion: 'ballonet/v1';
  readonly kind: 'SimulationReport';
  readonly scenario: string;
  readonly seed: number;
  readonly host: { readonly memoryBytes: Bytes };
  readonly guests: number;
  readonly seconds: Seconds;
  readonly runs: readonly Score[];
}
