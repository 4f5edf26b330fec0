/** Lists, look-ups, and what is told of a domain and of its host. */
import { parseDomainXml } from '../../src/hypervisor/domain-xml.ts';
import type { Domain } from '../../src/hypervisor/driver.ts';
import { isBallonetError } from '../../src/model/errors.ts';
import { outcome, outcomes } from './answers.ts';
import type { Bench, Check } from './check.ts';

export const NOBODY = { name: 'nobody', uuid: '00000000-0000-4000-8000-00000000dead', id: -1 };

const names = (domains: readonly Domain[]): string[] => domains.map(({ name }) => name).toSorted();

/** The root's own fields, as a reader that knows nothing of libvirt finds them. */
function identity(xml: string): string {
  const [, name] = /<name>([^<]*)<\/name>/.exec(xml) ?? [];
  const [, uuid] = /<uuid>([^<]*)<\/uuid>/.exec(xml) ?? [];
  return `${name} ${uuid}`;
}

async function deviceOf(domain: Domain): Promise<string> {
  let device = '';
  const code = await outcome(async () => {
    device = parseDomainXml(await domain.xml()).balloon.device;
  });
  return code === 'ok' ? device : code;
}

export const NAME_CHECKS = {
  'list-all': {
    question: 'Which domains are listed?',
    answer: ['bare', 'guest', 'off'],
    ask: async ({ hypervisor }) => names(await hypervisor.domains()),
  },
  'list-active': {
    question: 'Which are listed as active?',
    answer: ['bare', 'guest'],
    ask: async ({ hypervisor }) => names(await hypervisor.domains({ active: true })),
  },
  'list-inactive': {
    question: 'Which are listed as inactive?',
    answer: ['off'],
    ask: async ({ hypervisor }) => names(await hypervisor.domains({ active: false })),
  },
  'list-ids': {
    question: 'Has each an id of its own, and one that does not run -1?',
    answer: 'yes',
    async ask({ hypervisor }) {
      const domains = await hypervisor.domains();
      const active = domains.filter(({ id }) => id > 0).map(({ id }) => id);
      const rest = domains.filter(({ id }) => id <= 0);
      const distinct = new Set(active).size === active.length && active.length > 0;
      return distinct && rest.every(({ id, name }) => id === -1 && name === 'off') ? 'yes' : 'no';
    },
  },
  lookup: {
    question: 'What is found by name, id, uuid, and uuid in capitals?',
    answer: ['guest', 'guest', 'guest', 'guest'],
    async ask({ hypervisor, guest }) {
      const keys = [guest.name, String(guest.id), guest.uuid, guest.uuid.toUpperCase()];
      const found = await Promise.all(keys.map(key => hypervisor.lookup(key)));
      return found.map(({ name, uuid, id }) => (uuid === guest.uuid && id === guest.id ? name : 'another'));
    },
  },
  'lookup-misses': {
    question: 'And by a name, ids (the second above 2^31) and a uuid that nobody has, and by an empty text?',
    answer: Array<string>(5).fill('DOMAIN_NOT_FOUND'),
    ask: ({ hypervisor }) =>
      outcomes(
        ...['nobody', '2147483647', '4294967297', NOBODY.uuid, ''].map(key => () => hypervisor.lookup(key)),
      ),
  },
  'lookup-number': {
    question: "Which number of libvirt's has the error of a domain that nobody has?",
    answer: '42',
    async ask({ hypervisor }) {
      const error: unknown = await hypervisor
        .domain(NOBODY)
        .info()
        .catch((reason: unknown) => reason);
      return isBallonetError(error) ? String(error.hypervisorCode) : 'no error of ours';
    },
  },
  'handle-misses': {
    question:
      'What do info, xml, memoryStats, setMemory and setMemoryStatsPeriod of a handle say that nobody has?',
    answer: Array<string>(5).fill('DOMAIN_NOT_FOUND'),
    async ask({ hypervisor }) {
      const domain = hypervisor.domain(NOBODY);
      return outcomes(
        () => domain.info(),
        () => domain.xml(),
        () => domain.memoryStats(),
        () => domain.setMemory(65_536, { live: true }),
        () => domain.setMemoryStatsPeriod(1),
      );
    },
  },
  info: {
    question: 'What is told of a running guest: its state, maximum, size, processors, processor time?',
    answer: ['running', 'the maximum', 'the maximum', '1', 'some'],
    async ask({ guest, subject }) {
      const { state, maxMemKib, memoryKib, vcpus, cpuTimeNs } = await guest.info();
      const size = (kib: number) => (kib === subject.maximumKib ? 'the maximum' : String(kib));
      return [state, size(maxMemKib), size(memoryKib), String(vcpus), cpuTimeNs > 0n ? 'some' : 'none'];
    },
  },
  'info-off': {
    question: 'What is the state of one that does not run?',
    answer: 'shutoff',
    async ask({ off }) {
      let state = '';
      const code = await outcome(async () => {
        ({ state } = await off.info());
      });
      return code === 'ok' ? state : code;
    },
  },
  xml: {
    question: "Are name and uuid in the XML the domain's?",
    answer: 'yes',
    ask: async ({ guest }) => (identity(await guest.xml()) === `${guest.name} ${guest.uuid}` ? 'yes' : 'no'),
  },
  'xml-balloon': {
    question: 'Which balloon device is in the XML of `guest`, `bare` and `off`?',
    answer: ['virtio', 'none', 'virtio'],
    ask: async ({ guest, bare, off }) => [await deviceOf(guest), await deviceOf(bare), await deviceOf(off)],
  },
  node: {
    question: "What is known of the host's memory?",
    answer: ['totalKib', 'freeKib', 'buffersKib', 'cachedKib'],
    async ask({ hypervisor }) {
      let known: string[] = [];
      const code = await outcome(async () => {
        const memory = await hypervisor.nodeMemory();
        const fields = ['totalKib', 'freeKib', 'buffersKib', 'cachedKib', 'availableKib'] as const;
        known = fields.filter(field => memory[field] !== undefined);
        if ((memory.freeKib ?? 0) > memory.totalKib) known = ['more free than there is'];
      });
      return code === 'ok' ? known : code;
    },
  },
  version: {
    question: 'Who is at the other end?',
    answer: 'libvirt N.N.N',
    ask: async ({ hypervisor }) => (await hypervisor.version()).replaceAll(/\d+/g, 'N'),
  },
  local: {
    question: "Do the guests use this machine's memory?",
    answer: 'yes',
    ask: async ({ hypervisor }) => (hypervisor.local ? 'yes' : 'no'),
  },
  link: {
    question: 'What does the link say at first?',
    answer: 'up',
    ask: async ({ hypervisor }: Bench) => {
      let first = 'nothing';
      hypervisor.link
        .subscribe(state => {
          first = state.up ? 'up' : 'down';
        })
        .unsubscribe();
      return first;
    },
  },
} as const satisfies Record<string, Check>;
