import { resolve } from 'node:path';
import type { PolicyFiles } from '../../../policy/load.ts';
import type { PolicyText } from '../../../policy/policy-set.ts';
import { hostPolicyFiles } from '../../policy-files.ts';

/** The files of this host, of which some read as if they had been edited; nothing is written. */
export function editedFiles(texts: readonly PolicyText[]): PolicyFiles {
  const edited = new Map(texts.map(({ file, text }) => [resolve(file), Buffer.from(text)]));
  return {
    ...hostPolicyFiles,
    read: (path, limit) => edited.get(resolve(path))?.subarray(0, limit) ?? hostPolicyFiles.read(path, limit),
  };
}
