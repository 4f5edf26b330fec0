import { SaxesParser } from 'saxes';
import { BallonetError } from '../model/errors.ts';
import { MiB, type Seconds } from '../model/units.ts';

/** What Ballonet needs to know of a domain's XML. */
export interface DomainXml {
  readonly title?: string;
  readonly balloon: {
    /** A device that Ballonet can move: libvirt's model `virtio`, with or without `-transitional` and `-non-transitional`. */
    readonly device: 'virtio' | 'none';
    /** The guest may take memory back from the balloon when it runs out; MemTotal then stays at the full size. */
    readonly autodeflate: boolean;
    /** `<stats period>`; missing when there is none or it is 0. */
    readonly statsPeriodSeconds?: Seconds;
  };
}

/** Longest XML that is read: the longest string of libvirt's RPC protocol (REMOTE_STRING_MAX). */
const MAX_BYTES = 4 * MiB;

type Attributes = Readonly<Record<string, string>>;

/** What has been found so far. A field is set once: the first element of a kind is the one that counts. */
interface Draft {
  title?: string;
  balloon?: { readonly model: string | undefined; readonly autodeflate: boolean };
  statsPeriod?: string;
}

/** What an element tells, by its path from the root. Everything else is passed over, whatever its namespace. */
const ELEMENTS: Readonly<Record<string, (draft: Draft, attributes: Attributes) => void>> = {
  '/domain/devices/memballoon': (draft, { model, autodeflate }) => {
    draft.balloon ??= { model, autodeflate: autodeflate === 'on' };
  },
  '/domain/devices/memballoon/stats': (draft, { period }) => {
    if (period !== undefined) draft.statsPeriod ??= period;
  },
};

/** What the text of an element tells, by its path from the root. */
const TEXTS: Readonly<Record<string, (draft: Draft, text: string) => void>> = {
  '/domain/title': (draft, text) => {
    draft.title ??= text;
  },
};

/** No path above is longer; deeper elements are counted and not named, so that depth costs nothing. */
const MAX_DEPTH = Math.max(
  ...[...Object.keys(ELEMENTS), ...Object.keys(TEXTS)].map(path => path.split('/').length - 1),
);

/**
 * Reads a libvirt domain XML (docs/formatdomain.rst). Unknown elements, foreign namespaces and metadata are passed over: only
 * direct children of `<domain>` and of its `<devices>` count. A live XML always has its `<memballoon>`, so none means none.
 *
 * @throws BallonetError PROTOCOL when the text is longer than 4 MiB, not well-formed, or not a domain
 */
export function parseDomainXml(xml: string): DomainXml {
  const size = Buffer.byteLength(xml);
  if (size > MAX_BYTES)
    throw new BallonetError('PROTOCOL', `domain XML of ${size} bytes is longer than ${MAX_BYTES}`);
  const draft: Draft = {};
  try {
    read(xml, draft);
  } catch (cause) {
    if (cause instanceof BallonetError) throw cause;
    throw new BallonetError('PROTOCOL', 'domain XML is not well-formed', { cause });
  }
  return finished(draft);
}

function read(xml: string, draft: Draft): void {
  const parser = new SaxesParser({ position: false, xmlns: false });
  const names: string[] = [];
  let depth = 0;
  let text = '';
  parser.on('error', error => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    if (depth === 0 && name !== 'domain')
      throw new BallonetError('PROTOCOL', `domain XML begins with <${name}>`);
    depth++;
    if (depth > MAX_DEPTH) return;
    names.push(name);
    text = '';
    ELEMENTS[pathOf(names)]?.(draft, attributes);
  });
  parser.on('text', part => {
    if (depth <= MAX_DEPTH) text += part;
  });
  parser.on('cdata', part => {
    if (depth <= MAX_DEPTH) text += part;
  });
  parser.on('closetag', () => {
    depth--;
    if (depth >= MAX_DEPTH) return;
    TEXTS[pathOf(names)]?.(draft, text);
    names.pop();
    text = '';
  });
  parser.write(xml).close();
}

function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`;
}

function finished({ title, balloon, statsPeriod }: Draft): DomainXml {
  const period = /^\d{1,10}$/.test(statsPeriod ?? '') ? Number(statsPeriod) : 0;
  return {
    ...(title ? { title } : {}),
    balloon: {
      device: balloon?.model?.startsWith('virtio') ? 'virtio' : 'none',
      autodeflate: balloon?.autodeflate ?? false,
      ...(period > 0 ? { statsPeriodSeconds: period } : {}),
    },
  };
}
