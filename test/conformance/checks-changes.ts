/** Changes, what is told of them, and ends. */
import { parseDomainXml } from '../../src/hypervisor/domain-xml.ts';
import type { Domain } from '../../src/hypervisor/driver.ts';
import { comesTrue, listen, outcome, outcomes, recordOf, stat } from './answers.ts';
import type { Check } from './check.ts';

/** A guest under emulation takes some seconds for a hundred MiB on a busy machine. */
const BALLOON_SECONDS = 60;
/** What is told at all is told at once; this is for what is not. */
const EVENT_SECONDS = 10;

async function periodOf(domain: Domain): Promise<string> {
  return String(parseDomainXml(await domain.xml()).balloon.statsPeriodSeconds ?? 'none');
}

export const CHANGE_CHECKS = {
  'set-refused': {
    question: 'What is said of 0, -1, 1.5, one KiB more than the maximum, and 2^53 KiB?',
    answer: Array<string>(5).fill('VALUE_OUT_OF_RANGE'),
    ask: ({ guest, subject: { maximumKib } }) =>
      outcomes(
        ...[0, -1, 1.5, maximumKib + 1, 2 ** 53].map(kib => () => guest.setMemory(kib, { live: true })),
      ),
  },
  'set-same': {
    question: 'May the maximum be set?',
    answer: 'ok',
    ask: ({ guest, subject }) => outcome(() => guest.setMemory(subject.maximumKib, { live: true })),
  },
  'set-live': {
    question: 'A guest is set to half: do info, `actual` and the bulk record follow, and back?',
    answer: ['info', 'actual', 'bulk', 'back'],
    async ask({ hypervisor, guest, subject }) {
      const half = subject.maximumKib / 2;
      const current = async () =>
        recordOf(await hypervisor.allDomainStats(), 'guest')?.params.get('balloon.current');
      await guest.setMemory(half, { live: true });
      const followed = [
        (await comesTrue(async () => (await guest.info()).memoryKib === half, BALLOON_SECONDS)) && 'info',
        (await stat(guest, 'actual')) === half && 'actual',
        (await current()) === half && 'bulk',
      ];
      await guest.setMemory(subject.maximumKib, { live: true });
      const back = await comesTrue(
        async () => (await guest.info()).memoryKib === subject.maximumKib,
        BALLOON_SECONDS,
      );
      return [...followed, back && 'back'].filter(word => word !== false);
    },
  },
  'set-event': {
    question: 'A guest is set to three quarters: is its last balloon event of that size?',
    answer: 'yes',
    async ask({ hypervisor, guest, subject }) {
      const target = (subject.maximumKib * 3) / 4;
      let last = -1;
      const subscription = hypervisor.events.subscribe(event => {
        if (event.type === 'balloon' && event.domain.name === 'guest') last = event.actualKib;
      });
      try {
        await guest.setMemory(target, { live: true });
        await comesTrue(async () => (await guest.info()).memoryKib === target, BALLOON_SECONDS);
        await comesTrue(() => last === target, EVENT_SECONDS);
        return last === target ? 'yes' : last < 0 ? 'there is none' : 'no';
      } finally {
        subscription.unsubscribe();
        await guest.setMemory(subject.maximumKib, { live: true });
        await comesTrue(async () => (await guest.info()).memoryKib === subject.maximumKib, BALLOON_SECONDS);
      }
    },
  },
  'set-bare': {
    question: 'May one without a balloon be set to another size?',
    answer: 'OPERATION_UNSUPPORTED',
    async ask({ bare }) {
      const { maxMemKib } = await bare.info();
      return outcome(() => bare.setMemory(maxMemKib / 2, { live: true }));
    },
  },
  'set-off': {
    question: 'May one that does not run?',
    answer: 'OPERATION_REFUSED',
    ask: ({ off }) => outcome(() => off.setMemory(65_536, { live: true })),
  },
  period: {
    question: 'The live stats period is set to 2 s, to 0, and to 1 s: what does the XML say?',
    answer: ['2', 'none', '1'],
    async ask({ guest }) {
      const seen: string[] = [];
      for (const seconds of [2, 0, 1]) {
        const code = await outcome(() => guest.setMemoryStatsPeriod(seconds, { affect: 'live' }));
        seen.push(code === 'ok' ? await periodOf(guest) : code);
      }
      return seen;
    },
  },
  'period-refused': {
    question: 'What is said of -1, 1.5 and 2^31 s?',
    answer: Array<string>(3).fill('VALUE_OUT_OF_RANGE'),
    ask: ({ guest }) =>
      outcomes(...[-1, 1.5, 2 ** 31].map(seconds => () => guest.setMemoryStatsPeriod(seconds))),
  },
  'period-off': {
    question: 'May that of one that does not run be set live, in its configuration, and as it is now?',
    answer: ['OPERATION_REFUSED', 'ok', 'ok'],
    ask: ({ off }) =>
      outcomes(
        ...(['live', 'config', 'current'] as const).map(
          affect => () => off.setMemoryStatsPeriod(5, { affect }),
        ),
      ),
  },
  'period-bare': {
    question: 'May that of one without a balloon?',
    answer: 'OPERATION_UNSUPPORTED',
    ask: ({ bare }) => outcome(() => bare.setMemoryStatsPeriod(1, { affect: 'live' })),
  },
  'read-only': {
    question: 'By a read-only connection: are statistics read, a size set, a period set?',
    answer: ['ok', 'OPERATION_DENIED', 'OPERATION_DENIED'],
    async ask({ subject }) {
      const hypervisor = await subject.connect({ readOnly: true });
      try {
        const guest = await hypervisor.lookup('guest');
        const answers = await outcomes(
          () => guest.memoryStats(),
          () => guest.setMemory(subject.maximumKib, { live: true }),
          () => guest.setMemoryStatsPeriod(1, { affect: 'live' }),
        );
        return hypervisor.readOnly ? answers : ['it says that it is not read-only'];
      } finally {
        await hypervisor.close();
      }
    },
  },
  'events-pause': {
    question: 'A guest is paused and goes on: what is told, and which states does info tell?',
    answer: ['suspended', 'paused', 'resumed', 'running'],
    async ask({ hypervisor, guest, subject }) {
      const { heard, stop } = listen(hypervisor, 'guest');
      const seen: string[] = [];
      for (const [act, kind] of [
        [subject.pause, 'suspended'],
        [subject.resume, 'resumed'],
      ] as const) {
        await act('guest');
        seen.push((await comesTrue(() => heard.includes(kind), EVENT_SECONDS)) ? kind : 'nothing');
        seen.push((await guest.info()).state);
      }
      stop();
      return seen;
    },
  },
  'events-reboot': {
    question: 'A guest reboots: is it told, and is the domain still the same?',
    answer: ['told', 'the same'],
    async ask({ hypervisor, guest, subject }) {
      const { heard, stop } = listen(hypervisor, 'guest');
      await subject.reboot('guest');
      const told = await comesTrue(() => heard.includes('reboot'), EVENT_SECONDS);
      stop();
      const { id, uuid } = await hypervisor.lookup('guest');
      return [told ? 'told' : 'not told', id === guest.id && uuid === guest.uuid ? 'the same' : 'another'];
    },
  },
  close: {
    question: 'After close: what do domains, lookup, bulk, memoryStats, setMemory and node memory say?',
    answer: Array<string>(6).fill('HYPERVISOR_CLOSED'),
    async ask({ subject }) {
      const hypervisor = await subject.connect();
      const guest = await hypervisor.lookup('guest');
      await hypervisor.close();
      return outcomes(
        () => hypervisor.domains(),
        () => hypervisor.lookup('guest'),
        () => hypervisor.allDomainStats(),
        () => guest.memoryStats(),
        () => guest.setMemory(subject.maximumKib, { live: true }),
        () => hypervisor.nodeMemory(),
      );
    },
  },
  'close-streams': {
    question: 'At close: do events and link end, without an error? May it be closed again?',
    answer: ['events ends', 'link ends', 'ok'],
    async ask({ subject }) {
      const hypervisor = await subject.connect();
      const ends: string[] = [];
      hypervisor.events.subscribe({
        complete: () => ends.push('events ends'),
        error: () => ends.push('events fails'),
      });
      hypervisor.link.subscribe({
        complete: () => ends.push('link ends'),
        error: () => ends.push('link fails'),
      });
      await hypervisor.close();
      await comesTrue(() => ends.length === 2, EVENT_SECONDS);
      return [...ends.toSorted(), await outcome(() => hypervisor.close())];
    },
  },
  vanish: {
    question:
      'A domain ends and is no more: what is told, what do info, memoryStats and lookup say, and who is left in bulk?',
    answer: ['stopped', 'DOMAIN_NOT_FOUND', 'DOMAIN_NOT_FOUND', 'DOMAIN_NOT_FOUND', 'guest'],
    async ask({ hypervisor, guest, bare, subject }) {
      const { heard, stop } = listen(hypervisor, 'bare');
      await subject.vanish();
      const told = await comesTrue(() => heard.includes('stopped'), EVENT_SECONDS);
      stop();
      const codes = await outcomes(
        () => bare.info(),
        () => bare.memoryStats(),
        () => hypervisor.lookup('bare'),
      );
      const left = await hypervisor.allDomainStats({ domains: [bare, guest], groups: ['state'] });
      return [told ? 'stopped' : 'nothing', ...codes, left.map(({ domain }) => domain.name).join(' ')];
    },
  },
} as const satisfies Record<string, Check>;
