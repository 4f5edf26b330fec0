/** Which lines of a policy the limits of a decision come from. */
import type { Decision } from '../../model/decision.ts';
import type { LimitPlace } from '../../model/explanation.ts';
import type { GuestPolicy, HostPolicy, Layer, PolicySet } from '../policy-set.ts';
import { readDocuments, type SourceDocument } from '../source/documents.ts';
import { isWritten, keyPlace, type Path, valuePlace } from '../source/locate.ts';
import { HOST_FIELDS, type Limit, limitsBitten } from '../written-limits.ts';

/**
 * The limits that bit, by the fields that set them: those of a layer in force before the policy's own.
 *
 * @param base the governing policy as written
 * @param inForce its layers that apply to the guest now
 */
export function limitPlaces(
  policies: PolicySet,
  base: GuestPolicy,
  inForce: readonly Layer[],
  decision: Decision,
): LimitPlace[] {
  const document = documentOf(policies, base);
  const own =
    document === undefined
      ? []
      : limitsBitten(decision).map(limit =>
          placeOf(document, base, limit.code, rootOf(limit, base, inForce), limit.path),
        );
  return [...own, ...hostPlaces(policies, decision)];
}

/** What the host policy says of all guests together. */
function hostPlaces(policies: PolicySet, { stages }: Decision): LimitPlace[] {
  const document = documentOf(policies, policies.host);
  if (document === undefined) return [];
  return [...HOST_FIELDS]
    .filter(([code]) => stages.some(stage => stage.code === code))
    .map(([code, path]) => placeOf(document, policies.host, code, ['spec'], path));
}

function placeOf(
  document: SourceDocument,
  policy: GuestPolicy | HostPolicy,
  code: LimitPlace['code'],
  root: Path,
  keys: readonly string[],
): LimitPlace {
  const path = [...root, ...keys];
  const field = keys.join('.');
  if (!isWritten(document, path)) return { code, field, source: policy.source, isDefault: true };
  const { file, line, column } = keyPlace(document, path);
  return { code, field, source: { file, line, column } };
}

/** Where the limit is set: of what several layers set, the last one's counts. */
function rootOf({ setBy }: Limit, { layers }: GuestPolicy, inForce: readonly Layer[]): Path {
  const layer = inForce.findLast(({ set }) => setBy(set) !== undefined);
  if (layer === undefined) return ['spec'];
  const alike = layers.filter(({ kind }) => kind === layer.kind);
  return ['spec', layer.kind === 'schedule' ? 'schedules' : 'exceptions', alike.indexOf(layer), 'set'];
}

function documentOf(
  { texts = [] }: PolicySet,
  { source }: GuestPolicy | HostPolicy,
): SourceDocument | undefined {
  const own = texts.find(({ file }) => file === source.file);
  if (own === undefined) return undefined;
  return readDocuments({ file: own.file, content: own.text }).documents.find(document => {
    const { line, column } = valuePlace(document, ['metadata', 'name']);
    return line === source.line && column === source.column;
  });
}
