/** A journal on the disk, for tests of what reads one. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { createSegmentWriter } from '../../src/journal/segment-writer.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import { initialState } from '../../src/policy/state.ts';
import { encodeState } from '../../src/policy/state-json.ts';
import { decisionOf, sampleOf, snapshotOf } from './samples.ts';

/** Unix time of its first tick. */
export const JOURNAL_BEGINS = 1_700_000_000;

/**
 * Writes a journal of so many ticks of the standard policy, a second apart, in which one guest stands still.
 *
 * @param wrong whether every fifth recorded decision is not what the policy says
 * @returns its path
 */
export async function writeJournal(folder: string, ticks: number, wrong = false): Promise<string> {
  const { texts = [] } = requirePolicySet(loadPolicySet(['policies/standard.yaml'], hostPolicyFiles));
  const policies = { mode: 'enforce', texts } as const;
  const writer = createSegmentWriter({ ballonet: '1.2.3', uri: 'test:///default' });
  let text = '';
  for (let i = 0; i < ticks; i++) {
    text += writer.tick({
      at: { monotonic: 100 + i, wall: JOURNAL_BEGINS + i },
      snapshot: snapshotOf([sampleOf({ reportsInEpoch: 10 + i, uptimeSeconds: 600 + i })], i),
      policies,
      checkpoint: () => encodeState(initialState(100)),
      ...(wrong && i % 5 === 0 && { decisions: [decisionOf()] }),
    });
  }
  const file = path.join(folder, 'journal.ndjson');
  await writeFile(file, text);
  return file;
}
