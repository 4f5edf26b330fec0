/** Files of one document: scenarios and configurations. */
import { errorMessage } from '../../model/errors.ts';
import { type Diagnostic, errorAt, hasErrors } from './diagnostics.ts';
import { FILE_BYTES_MAX, readDocuments, type SourceDocument } from './documents.ts';
import { keyPlace } from './locate.ts';

/**
 * Reads a file that holds one document. Never throws: whatever is wrong is a diagnostic.
 *
 * @param what the file is, with its article, for messages
 * @param read gives at most so many bytes of a file; throws when it cannot be read
 */
export function readOneDocument(
  file: string,
  what: string,
  read: (path: string, bytesMax: number) => Uint8Array,
): { readonly document: SourceDocument } | { readonly diagnostics: readonly Diagnostic[] } {
  const top = { file, line: 1, column: 1 };
  let content: Uint8Array;
  try {
    content = read(file, FILE_BYTES_MAX + 1);
  } catch (cause) {
    const message = `cannot be read: ${errorMessage(cause)}`;
    return { diagnostics: [errorAt(top, 'POLICY_UNREADABLE', message, { cause })] };
  }
  const { documents, diagnostics } = readDocuments({ file, content });
  if (hasErrors(diagnostics)) return { diagnostics };
  const [document, second] = documents;
  if (document !== undefined && second === undefined) return { document };
  const place = second === undefined ? top : keyPlace(second, []);
  const message = `${what} file holds one document, and this one has ${documents.length}`;
  return { diagnostics: [errorAt(place, 'POLICY_KIND', message)] };
}
