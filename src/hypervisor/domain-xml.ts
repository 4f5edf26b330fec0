import { SaxesParser } from 'saxes';
import { BallonetError } from '../model/errors.ts';
import type { Obstacle } from '../model/snapshot.ts';
import { MiB, type Seconds } from '../model/units.ts';

/** What Ballonet needs to know of a domain's XML. */
export interface DomainXml {
  readonly title?: string;
  /** What the operator has said of the domain in `<metadata>`: the attributes of the element `tags` of `METADATA_NAMESPACE`. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Operating system by libosinfo's id, such as `http://debian.org/debian/12`, as virt-install and virt-manager leave it. */
  readonly os?: string;
  readonly balloon: {
    /** A device that Ballonet can move: libvirt's model `virtio`, with or without `-transitional` and `-non-transitional`. */
    readonly device: 'virtio' | 'none';
    /** The guest may take memory back from the balloon when it runs out; MemTotal then stays at the full size. */
    readonly autodeflate: boolean;
    /** H40: what the guest frees leaves the host's memory too, without the balloon: counting both would count it twice. */
    readonly freePageReporting: boolean;
    /** `<stats period>`; missing when there is none or it is 0. */
    readonly statsPeriodSeconds?: Seconds;
  };
  /** What keeps the balloon from freeing memory of the host (H21), each once; never `job`, which no XML tells of. */
  readonly obstacles: readonly Obstacle[];
}

/**
 * Namespace of Ballonet's element in a domain's `<metadata>`. Tags are set with
 * `virsh metadata DOMAIN --uri urn:ballonet:domain:1 --key ballonet --set '<tags tier="gold"/>'`.
 */
export const METADATA_NAMESPACE = 'urn:ballonet:domain:1';

/** Namespaces whose elements are read, with the prefix that paths below give them, whatever prefix the XML has. */
const NAMESPACES: Readonly<Record<string, string>> = {
  [METADATA_NAMESPACE]: 'ballonet',
  // Written by virt-install, virt-manager and GNOME Boxes; the id is a key of the libosinfo database.
  'http://libosinfo.org/xmlns/libvirt/domain/1.0': 'libosinfo',
};

/** Longest XML that is read: the longest string of libvirt's RPC protocol (REMOTE_STRING_MAX). */
const MAX_BYTES = 4 * MiB;

type Attributes = Readonly<Record<string, string>>;

/** What has been found so far. A field is set once: the first element of a kind is the one that counts. */
interface Draft {
  title?: string;
  tags?: Readonly<Record<string, string>>;
  os?: string;
  balloon?: {
    readonly model: string | undefined;
    readonly autodeflate: boolean;
    readonly freePageReporting: boolean;
  };
  statsPeriod?: string;
  readonly obstacles: Set<Obstacle>;
}

/** What an element tells, by its path from the root. Everything else is passed over, whatever its namespace. */
const ELEMENTS: Readonly<Record<string, (draft: Draft, attributes: Attributes) => unknown>> = {
  '/domain/devices/memballoon': (draft, { model, autodeflate, freePageReporting }) => {
    draft.balloon ??= {
      model,
      autodeflate: autodeflate === 'on',
      freePageReporting: freePageReporting === 'on',
    };
  },
  '/domain/devices/memballoon/stats': (draft, { period }) => {
    if (period !== undefined) draft.statsPeriod ??= period;
  },
  '/domain/metadata/ballonet:tags': (draft, attributes) => {
    draft.tags ??= Object.fromEntries(
      Object.entries(attributes).filter(([name]) => name !== 'xmlns' && !name.includes(':')),
    );
  },
  '/domain/metadata/libosinfo:libosinfo/libosinfo:os': (draft, { id }) => {
    if (id !== undefined && id !== '') draft.os ??= id;
  },
  // H21. QEMU discards nothing while discards are inhibited: VFIO devices (hw/vfio; the ccw and ap mediated devices opt out of
  // that), vDPA (hw/virtio/vhost-vdpa.c), NVMe driven from user space (util/vfio-helpers.c).
  '/domain/devices/hostdev': (draft, { mode, type, model }) => {
    const pins = type === 'pci' || (type === 'mdev' && model !== 'vfio-ccw' && model !== 'vfio-ap');
    if (pins && mode !== 'capabilities') draft.obstacles.add('passthrough');
  },
  '/domain/devices/interface': (draft, { type }) => {
    if (type === 'hostdev' || type === 'vdpa') draft.obstacles.add('passthrough');
  },
  '/domain/devices/disk': (draft, { type }) => {
    if (type === 'nvme' || type === 'vhostvdpa') draft.obstacles.add('passthrough');
  },
  // A page of the host is freed only when all its 4 KiB pieces come in one request of 1 MiB (virtio_balloon_handle_output).
  '/domain/memoryBacking/hugepages': draft => draft.obstacles.add('hugepages'),
  // madvise(2): MADV_DONTNEED fails on locked pages.
  '/domain/memoryBacking/locked': draft => draft.obstacles.add('locked'),
  '/domain/launchSecurity': draft => draft.obstacles.add('launch-security'),
  '/domain/devices/memory': (draft, { model }) => {
    if (model === 'virtio-mem') draft.obstacles.add('virtio-mem');
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
  const draft: Draft = { obstacles: new Set() };
  try {
    read(xml, draft);
  } catch (cause) {
    if (cause instanceof BallonetError) throw cause;
    throw new BallonetError('PROTOCOL', 'domain XML is not well-formed', { cause });
  }
  return finished(draft);
}

/** URIs by prefix, as far as they are ones of `NAMESPACES`; the default namespace has the empty prefix. */
type Bindings = Readonly<Record<string, string>>;

function bindingsOf(attributes: Attributes, outer: Bindings): Bindings {
  let result = outer;
  for (const [name, uri] of Object.entries(attributes)) {
    if (name === 'xmlns') result = { ...result, '': uri };
    else if (name.startsWith('xmlns:')) result = { ...result, [name.slice('xmlns:'.length)]: uri };
  }
  return result;
}

/** The element's name with our own prefix for its namespace; as it is written when it is none of ours. */
function canonicalName(name: string, bindings: Bindings): string {
  const colon = name.indexOf(':');
  const [prefix, local] = colon < 0 ? ['', name] : [name.slice(0, colon), name.slice(colon + 1)];
  const uri = Object.hasOwn(bindings, prefix) ? bindings[prefix] : undefined;
  const own = uri !== undefined && Object.hasOwn(NAMESPACES, uri) ? NAMESPACES[uri] : undefined;
  if (own !== undefined) return `${own}:${local}`;
  // A prefix of ours that is bound to something else means nothing to us.
  return colon < 0 ? name : `?${name}`;
}

function read(xml: string, draft: Draft): void {
  // The parser's own namespaces are looked up through all open elements: time would grow with the square of the depth.
  const parser = new SaxesParser({ position: false, xmlns: false });
  const names: string[] = [];
  const scopes: Bindings[] = [];
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
    const bindings = bindingsOf(attributes, scopes.at(-1) ?? {});
    scopes.push(bindings);
    names.push(canonicalName(name, bindings));
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
    scopes.pop();
    text = '';
  });
  parser.write(xml).close();
}

function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`;
}

function finished({ title, tags, os, balloon, statsPeriod, obstacles }: Draft): DomainXml {
  const period = /^\d{1,10}$/.test(statsPeriod ?? '') ? Number(statsPeriod) : 0;
  const device = balloon?.model?.startsWith('virtio') ? 'virtio' : 'none';
  if (device === 'none') obstacles.add('no-balloon');
  return {
    ...(title ? { title } : {}),
    ...(tags === undefined ? {} : { tags }),
    ...(os === undefined ? {} : { os }),
    balloon: {
      device,
      autodeflate: balloon?.autodeflate ?? false,
      freePageReporting: balloon?.freePageReporting ?? false,
      ...(period > 0 ? { statsPeriodSeconds: period } : {}),
    },
    obstacles: [...obstacles],
  };
}
