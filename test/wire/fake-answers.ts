/** What a fake daemon answers of its own accord. */
import { AUTH, FEATURE, PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { XdrReader, XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import { SERVED } from '../../src/hypervisor/server/numbers.ts';
import { writeRefusal } from '../../src/hypervisor/server/refusal.ts';
import type { FakeClient } from './fake-client.ts';
import type { FakeDomain, FakeHost } from './fake-host.ts';
import { MAX_KIB } from './fake-host.ts';

/** A call as it came in. Whoever takes it answers it, now, later or never. */
export interface FakeCall {
  readonly client: FakeClient;
  readonly procedure: number;
  readonly serial: number;
  readonly payload: Buffer;
  /** What the daemon would do of its own accord. */
  answer(): void;
  reply(...payload: readonly Buffer[]): void;
  refuse(code: number, message: string): void;
}

/** What the daemon says of itself; left out: no login, every feature. */
export interface FakeManners {
  readonly auth?: readonly number[];
  readonly features?: readonly number[];
}

export function answer(call: FakeCall, host: FakeHost, manners: FakeManners): void {
  const { client, procedure, payload } = call;
  const reader = new XdrReader(payload);
  const word = (value: number): void => call.reply(new XdrWriter().i32(value).bytes());
  const ref = (domain: FakeDomain | undefined): void => {
    if (domain) withDomain(domain, () => call.reply(domainBytes(domain)));
    else call.refuse(42, 'Domain not found');
  };
  const withDomain = (domain: FakeDomain | undefined, use: (domain: FakeDomain) => void): void => {
    if (domain) use(domain);
    else call.refuse(42, 'Domain not found: no domain with matching uuid');
  };
  switch (procedure) {
    case PROCEDURE.authList:
      call.reply(new XdrWriter().array(manners.auth ?? [AUTH.none], (w, type) => w.i32(type)).bytes());
      return;
    case PROCEDURE.authPolkit:
      word(1);
      return;
    case PROCEDURE.supportsFeature:
      word((manners.features ?? Object.values(FEATURE)).includes(reader.i32()) ? 1 : 0);
      return;
    case PROCEDURE.open:
    case PROCEDURE.close:
    case PROCEDURE.registerCloseCallback:
    case SERVED.unregisterCloseCallback:
    case SERVED.eventDeregister:
      call.reply();
      return;
    case PROCEDURE.getLibVersion:
      call.reply(new XdrWriter().u64(9_000_000).bytes());
      return;
    case SERVED.getUri:
      call.reply(new XdrWriter().string('qemu:///system').bytes());
      return;
    case PROCEDURE.eventRegister: {
      const eventId = reader.i32();
      client.callbacks.set(eventId, 100 + eventId);
      word(100 + eventId);
      return;
    }
    case PROCEDURE.listAllDomains:
      call.reply(host.list());
      return;
    case PROCEDURE.lookupById: {
      const id = reader.i32();
      ref(host.domains.find(domain => domain.id === id));
      return;
    }
    case PROCEDURE.lookupByName: {
      const name = reader.string();
      ref(host.domains.find(domain => domain.name === name));
      return;
    }
    case PROCEDURE.lookupByUuid: {
      const uuid = reader.opaque(16).toString('hex');
      ref(host.domains.find(domain => domain.uuid.replaceAll('-', '') === uuid));
      return;
    }
    case SERVED.domainGetState:
      withDomain(host.read(reader), () => call.reply(new XdrWriter().i32(1).i32(1).bytes()));
      return;
    case PROCEDURE.domainGetInfo:
      withDomain(host.read(reader), ({ memoryKib }) =>
        call.reply(
          new XdrWriter()
            .u32(1)
            .u64(MAX_KIB)
            .u64(memoryKib)
            .u32(2)
            .u64(2n ** 60n)
            .bytes(),
        ),
      );
      return;
    case PROCEDURE.domainGetXml:
      withDomain(host.read(reader), ({ name }) =>
        call.reply(new XdrWriter().string(`<domain type='qemu'><name>${name}</name></domain>`).bytes()),
      );
      return;
    case PROCEDURE.memoryStats:
      withDomain(host.read(reader), ({ memoryKib }) => {
        const stats = [
          [6, memoryKib],
          [4, 1024],
          [9, 1_700_000_000],
          [7, 4096],
        ].slice(0, reader.u32());
        call.reply(new XdrWriter().array(stats, (w, [tag = 0, value = 0]) => w.i32(tag).u64(value)).bytes());
      });
      return;
    case PROCEDURE.setMemoryFlags:
      withDomain(host.read(reader), domain => {
        const kib = Number(reader.u64());
        if (kib > MAX_KIB)
          return call.refuse(8, 'invalid argument: cannot set memory higher than max memory');
        host.setMemory(domain, kib);
        call.reply();
      });
      return;
    case PROCEDURE.setMemoryStatsPeriod:
      withDomain(host.read(reader), domain => {
        domain.periodSeconds = reader.i32();
        call.reply();
      });
      return;
    case PROCEDURE.nodeGetMemoryStats:
      answerNodeMemory(call, reader.i32());
      return;
    case PROCEDURE.getAllDomainStats:
      call.reply(...host.bulk(payload));
      return;
    default:
      call.refuse(39, `unknown procedure: ${procedure}`);
  }
}

function answerNodeMemory(call: FakeCall, count: number): void {
  const fields: readonly [string, number][] = [
    ['total', 8_000_000],
    ['free', 1_000_000],
    ['buffers', 100_000],
    ['cached', 2_000_000],
  ];
  if (count === 0) call.reply(new XdrWriter().u32(0).i32(fields.length).bytes());
  else if (count !== fields.length)
    call.refuse(8, `invalid argument: nparams in node memory stats must be equal to ${fields.length}`);
  else
    call.reply(
      new XdrWriter()
        .array(fields, (w, [name, value]) => w.string(name).u64(value))
        .i32(0)
        .bytes(),
    );
}

function domainBytes(domain: FakeDomain): Buffer {
  const writer = new XdrWriter();
  writeDomain(writer, domain);
  return writer.bytes();
}

export function errorPayload(number: number, message: string): Buffer {
  const writer = new XdrWriter();
  writeRefusal(writer, { number, message });
  return writer.bytes();
}
