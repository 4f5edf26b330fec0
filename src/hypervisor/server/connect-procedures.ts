/** Procedures about the connection and the host. */
import type { Kib } from '../../model/units.ts';
import { KiB } from '../../model/units.ts';
import type { NodeMemory } from '../driver.ts';
import { AUTH, FEATURE, PROCEDURE } from '../libvirt/numbers.ts';
import type { XdrWriter } from '../libvirt/xdr.ts';
import { capabilitiesXml } from './machine.ts';
import { FEATURE_TYPED_PARAM_STRING, LIBVIRT_VERSION, SERVED } from './numbers.ts';
import { nothing, type Procedure, procedure, type Reply } from './procedure.ts';
import { refused, VIR_ERR } from './refusal.ts';
import { requireKnownFlags } from './selection.ts';
import type { Session } from './session.ts';

/** Drivers whose URIs are taken; the guests are the same for all of them. */
const SCHEMES: ReadonlySet<string> = new Set(['qemu:', 'test:']);
const DEFAULT_URI = 'test:///default';
const URI_MAX_BYTES = 4096;
const OPEN_READ_ONLY = 1;
/** `VIR_NODE_MEMORY_STATS_ALL_CELLS`; there is one cell, so its number means the same. */
const ALL_CELLS = -1;
/** Bytes of `char model[32]`. */
const MODEL_CHARACTERS = 32;
/** As QEMU's machines have it. */
const VCPUS_MAX = 255;

const FEATURES: ReadonlySet<number> = new Set([...Object.values(FEATURE), FEATURE_TYPED_PARAM_STRING]);

const text =
  (value: string): Reply =>
  writer =>
    void writer.string(value);
const int =
  (value: number): Reply =>
  writer =>
    void writer.i32(value);
const u64 =
  (value: number): Reply =>
  writer =>
    void writer.u64(value);

/** By number. */
export const CONNECT_PROCEDURES: Readonly<Record<number, Procedure>> = {
  [PROCEDURE.authList]: procedure(
    'virConnectAuthList',
    nothing,
    () => writer => void writer.array([AUTH.none], (w, type) => w.i32(type)),
    { early: true },
  ),
  [SERVED.authSaslInit]: loginRefused('SASL'),
  [SERVED.authSaslStart]: loginRefused('SASL'),
  [SERVED.authSaslStep]: loginRefused('SASL'),
  [PROCEDURE.authPolkit]: loginRefused('polkit'),
  [PROCEDURE.supportsFeature]: procedure('virConnectSupportsFeature', r => r.i32(), supportsFeature, {
    early: true,
  }),
  [PROCEDURE.open]: procedure(
    'virConnectOpen',
    r => ({ uri: r.optional(item => item.string(URI_MAX_BYTES)), flags: r.u32() }),
    open,
    { early: true },
  ),
  [PROCEDURE.close]: procedure(
    'virConnectClose',
    nothing,
    (_, session) => {
      session.endAfterReply();
      return undefined;
    },
    { early: true },
  ),
  [SERVED.getType]: procedure('virConnectGetType', nothing, (_, { opened }) =>
    text(opened?.uri.startsWith('qemu:') ? 'QEMU' : 'TEST'),
  ),
  [SERVED.getVersion]: procedure('virConnectGetVersion', nothing, async (_, { hypervisor }) =>
    u64(packedVersion(await hypervisor.version())),
  ),
  [PROCEDURE.getLibVersion]: procedure('virConnectGetLibVersion', nothing, () => u64(LIBVIRT_VERSION)),
  [SERVED.getHostname]: procedure('virConnectGetHostname', nothing, (_, { machine }) =>
    text(machine.hostname),
  ),
  [SERVED.getUri]: procedure('virConnectGetURI', nothing, (_, { opened }) =>
    text(opened?.uri ?? DEFAULT_URI),
  ),
  // A unix socket leaves the machine no more than a pipe does.
  [SERVED.isSecure]: procedure('virConnectIsSecure', nothing, () => int(1)),
  [SERVED.getMaxVcpus]: procedure(
    'virConnectGetMaxVcpus',
    r => r.optional(item => item.string(URI_MAX_BYTES)),
    () => int(VCPUS_MAX),
  ),
  [SERVED.getCapabilities]: procedure('virConnectGetCapabilities', nothing, async (_, session) => {
    const { totalKib } = await session.hypervisor.nodeMemory();
    return text(capabilitiesXml(session.machine, totalKib));
  }),
  [SERVED.nodeGetInfo]: procedure('virNodeGetInfo', nothing, async (_, { hypervisor, machine }) => {
    const { totalKib } = await hypervisor.nodeMemory();
    return writer => {
      writeCharacters(writer, 'x86_64');
      writer.u64(totalKib).i32(machine.cpus).i32(machine.megahertz);
      for (const count of [1, 1, machine.cpus, 1]) writer.i32(count); // cells, sockets, cores, threads
    };
  }),
  [SERVED.nodeGetFreeMemory]: procedure('virNodeGetFreeMemory', nothing, async (_, { hypervisor }) =>
    u64(requireFree(await hypervisor.nodeMemory()) * KiB),
  ),
  [SERVED.nodeGetCellsFreeMemory]: procedure(
    'virNodeGetCellsFreeMemory',
    r => ({ start: r.i32(), max: r.i32() }),
    async ({ start, max }, { hypervisor }) => {
      const free = requireFree(await hypervisor.nodeMemory()) * KiB;
      return writer => void writer.array(start === 0 && max > 0 ? [free] : [], (w, bytes) => w.u64(bytes));
    },
  ),
  [PROCEDURE.nodeGetMemoryStats]: procedure(
    'virNodeGetMemoryStats',
    r => ({ count: r.i32(), cell: r.i32(), flags: r.u32() }),
    nodeMemoryStats,
  ),
  [SERVED.nodeGetSecurityModel]: procedure(
    'virNodeGetSecurityModel',
    nothing,
    () => writer => void writer.u32(0).u32(0), // no model, no domain of interpretation
  ),
  [PROCEDURE.registerCloseCallback]: closeCallback('virConnectRegisterCloseCallback', true),
  [SERVED.unregisterCloseCallback]: closeCallback('virConnectUnregisterCloseCallback', false),
};

function loginRefused(kind: string): Procedure {
  return {
    name: `login with ${kind}`,
    early: true,
    // Whatever the client sends to prove itself is nobody's business here.
    prepare: () => () => {
      throw refused(
        'HYPERVISOR_DENIED',
        VIR_ERR.authFailed,
        'authentication failed: this server asks for no login',
      );
    },
  };
}

function closeCallback(name: string, wanted: boolean): Procedure {
  return procedure(name, nothing, (_, session) => {
    session.closeCallback = wanted;
    return undefined;
  });
}

function supportsFeature(feature: number, session: Session): Reply {
  // The only feature that can be asked for before CONNECT_OPEN is the one that begins the pings.
  if (feature === FEATURE.keepalive) session.startKeepalive();
  else if (session.opened === undefined) throw notOpen();
  return int(FEATURES.has(feature) ? 1 : 0);
}

function open(
  { uri, flags }: { readonly uri: string | undefined; readonly flags: number },
  session: Session,
): undefined {
  if (session.opened)
    throw refused('OPERATION_REFUSED', VIR_ERR.internal, 'internal error: connection already open');
  const name = uri === undefined || uri === '' ? DEFAULT_URI : uri;
  if (!URL.canParse(name) || !SCHEMES.has(new URL(name).protocol)) {
    throw refused('URI_INVALID', VIR_ERR.noConnect, `no connection driver available for ${name}`);
  }
  session.open({ uri: name, readOnly: (flags & OPEN_READ_ONLY) !== 0 });
  return undefined;
}

/** What every procedure but the early ones is told before CONNECT_OPEN. */
export function notOpen(): Error {
  return refused('OPERATION_REFUSED', VIR_ERR.internal, 'internal error: hypervisor connection not open');
}

async function nodeMemoryStats(
  { count, cell, flags }: { readonly count: number; readonly cell: number; readonly flags: number },
  { hypervisor }: Session,
): Promise<Reply> {
  requireKnownFlags(flags, 0, 'virNodeGetMemoryStats');
  if (cell !== ALL_CELLS && cell !== 0) {
    throw refused(
      'OPERATION_REFUSED',
      VIR_ERR.invalidArgument,
      `invalid argument: cellNum in virNodeGetMemoryStats must be less than or equal to 0`,
    );
  }
  const fields = nodeFields(await hypervisor.nodeMemory());
  if (count === 0) return writer => void writer.u32(0).i32(fields.length);
  if (count !== fields.length) {
    throw refused(
      'OPERATION_REFUSED',
      VIR_ERR.invalidArgument,
      `invalid argument: nparams in virNodeGetMemoryStats must be equal to ${fields.length}`,
    );
  }
  return writer => void writer.array(fields, (w, [name, kib]) => w.string(name).u64(kib)).i32(fields.length);
}

/** In libvirt's names and order (`VIR_NODE_MEMORY_STATS_*`). */
function nodeFields(memory: NodeMemory): (readonly [name: string, kib: Kib])[] {
  const fields: [string, Kib | undefined][] = [
    ['total', memory.totalKib],
    ['free', memory.freeKib],
    ['buffers', memory.buffersKib],
    ['cached', memory.cachedKib],
  ];
  return fields.flatMap(([name, kib]) => (kib === undefined ? [] : [[name, kib] as const]));
}

function requireFree({ freeKib }: NodeMemory): Kib {
  if (freeKib === undefined) {
    throw refused(
      'OPERATION_UNSUPPORTED',
      VIR_ERR.noSupport,
      'this function is not supported by the connection driver: virNodeGetFreeMemory',
    );
  }
  return freeKib;
}

/** `char text[32]` takes four bytes a character: rpcgen knows no smaller item. */
function writeCharacters(writer: XdrWriter, value: string): void {
  for (let i = 0; i < MODEL_CHARACTERS; i++) writer.i32(i < value.length ? value.charCodeAt(i) : 0);
}

/** The version that a driver tells of itself, as libvirt packs it; 0.0.1 when it tells none, since 0 means unknown to virsh. */
function packedVersion(version: string): number {
  const [, major = '0', minor = '0', release = '1'] = /(\d{1,3})\.(\d{1,3})\.(\d{1,3})/.exec(version) ?? [];
  return Number(major) * 1_000_000 + Number(minor) * 1000 + Number(release);
}
