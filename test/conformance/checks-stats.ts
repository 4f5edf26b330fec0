/** Memory statistics, one domain's and in bulk. */
import type { DomainStats, StatsGroup } from '../../src/hypervisor/driver.ts';
import { comesTrue, keysOf, outcome, outcomes, recordOf, stat, statsOf } from './answers.ts';
import type { Bench, Check } from './check.ts';
import { NOBODY } from './checks-names.ts';

const bulk = async (
  { hypervisor }: Bench,
  role: 'guest' | 'bare' | 'off',
  groups?: readonly StatsGroup[],
): Promise<string[]> => {
  const domains = (await hypervisor.domains()).filter(({ name }) => name === role);
  const records = await hypervisor.allDomainStats({ domains, ...(groups && { groups }) });
  return keysOf(recordOf(records, role));
};

const named = (records: readonly DomainStats[]): string[] =>
  records.map(({ domain }) => domain.name).toSorted();

export const STATS_CHECKS = {
  stats: {
    question: 'Which statistics has a guest, in which order?',
    answer: [
      'actual',
      'swap_in',
      'swap_out',
      'major_fault',
      'minor_fault',
      'unused',
      'available',
      'usable',
      'last_update',
      'disk_caches',
      'hugetlb_pgalloc',
      'hugetlb_pgfail',
      'rss',
    ],
    ask: ({ guest }) => statsOf(guest),
  },
  'stats-bare': {
    question: 'Which has one without a balloon?',
    answer: ['rss'],
    ask: ({ bare }) => statsOf(bare),
  },
  'stats-off': {
    question: 'Which has one that does not run?',
    answer: ['OPERATION_REFUSED'],
    ask: ({ off }) => statsOf(off),
  },
  'stats-max': {
    question: 'Which come of 0, 1 and 3 that are asked for?',
    answer: ['', 'actual', 'actual swap_in swap_out'],
    ask: async ({ guest }) => [
      (await statsOf(guest, 0)).join(' '),
      (await statsOf(guest, 1)).join(' '),
      (await statsOf(guest, 3)).join(' '),
    ],
  },
  'stats-most': {
    question: 'May 1024, 1025, -1 and 1.5 be asked for?',
    answer: ['ok', 'VALUE_OUT_OF_RANGE', 'VALUE_OUT_OF_RANGE', 'VALUE_OUT_OF_RANGE'],
    ask: ({ guest }) =>
      outcomes(...[1024, 1025, -1, 1.5].map(maxStats => () => guest.memoryStats({ maxStats }))),
  },
  'stats-flags': {
    question:
      'What is said of the flags 1 and 2^31, which are not defined, and of 2^32, which is no flags word?',
    answer: ['OPERATION_REFUSED', 'OPERATION_REFUSED', 'VALUE_OUT_OF_RANGE'],
    ask: ({ guest }) => outcomes(...[1, 2 ** 31, 2 ** 32].map(flags => () => guest.memoryStats({ flags }))),
  },
  'stats-none-flags': {
    question: 'And of the flag 1 where no statistic is asked for?',
    answer: 'ok',
    ask: ({ guest }) => outcome(() => guest.memoryStats({ maxStats: 0, flags: 1 })),
  },
  'stats-fresh': {
    question: 'Is a guest with a stats period of 1 s asked again and again?',
    answer: 'yes',
    async ask({ guest }) {
      const before = await stat(guest, 'last_update').catch(() => undefined);
      if (before === undefined) return 'no last_update';
      return (await comesTrue(async () => (await stat(guest, 'last_update')) > before, 30)) ? 'yes' : 'no';
    },
  },
  'stats-actual': {
    question: 'Is `actual` the size that info tells?',
    answer: 'yes',
    ask: async ({ guest }) =>
      (await stat(guest, 'actual')) === (await guest.info()).memoryKib ? 'yes' : 'no',
  },
  bulk: {
    question: "What is in a guest's bulk record?",
    answer: [
      'state.state',
      'state.reason',
      'balloon.current',
      'balloon.maximum',
      'balloon.swap_in',
      'balloon.swap_out',
      'balloon.major_fault',
      'balloon.minor_fault',
      'balloon.unused',
      'balloon.available',
      'balloon.usable',
      'balloon.last-update',
      'balloon.disk_caches',
      'balloon.hugetlb_pgalloc',
      'balloon.hugetlb_pgfail',
      'balloon.rss',
    ],
    ask: bench => bulk(bench, 'guest'),
  },
  'bulk-bare': {
    question: 'In that of one without a balloon?',
    answer: ['state.state', 'state.reason', 'balloon.current', 'balloon.maximum', 'balloon.rss'],
    ask: bench => bulk(bench, 'bare'),
  },
  'bulk-off': {
    question: 'In that of one that does not run, when it is asked for?',
    answer: ['state.state', 'state.reason', 'balloon.current', 'balloon.maximum'],
    ask: bench => bulk(bench, 'off'),
  },
  'bulk-state': {
    question: 'And with the group `state` only?',
    answer: ['state.state', 'state.reason'],
    ask: bench => bulk(bench, 'guest', ['state']),
  },
  'bulk-balloon': {
    question: 'How many keys of other groups come with the group `balloon` only?',
    answer: '0',
    ask: async bench => {
      const keys = await bulk(bench, 'guest', ['balloon']);
      return String(keys.filter(key => !key.startsWith('balloon.')).length);
    },
  },
  'bulk-none': {
    question: 'What is in a record with no group at all?',
    answer: [],
    ask: bench => bulk(bench, 'guest', []),
  },
  'bulk-active': {
    question: 'Whose records come when nobody is named?',
    answer: ['bare', 'guest'],
    ask: async ({ hypervisor }) => named(await hypervisor.allDomainStats()),
  },
  'bulk-misses': {
    question: 'Whose, when `guest` and one that nobody has are named?',
    answer: ['guest'],
    async ask({ hypervisor, guest }) {
      let found: string[] = [];
      const code = await outcome(async () => {
        found = named(await hypervisor.allDomainStats({ domains: [guest, NOBODY], groups: ['state'] }));
      });
      return code === 'ok' ? found : [code];
    },
  },
  'bulk-empty': {
    question: 'Whose, when an empty list is named?',
    answer: [],
    ask: async ({ hypervisor }) => named(await hypervisor.allDomainStats({ domains: [] })),
  },
  'bulk-sizes': {
    question: 'Are current and maximum of the bulk record those of info?',
    answer: 'yes',
    async ask({ hypervisor, guest }) {
      const record = recordOf(await hypervisor.allDomainStats(), 'guest');
      const { memoryKib, maxMemKib } = await guest.info();
      if (!record?.params.has('balloon.current')) return 'it has neither';
      const same =
        record.params.get('balloon.current') === memoryKib &&
        record.params.get('balloon.maximum') === maxMemKib;
      return same ? 'yes' : 'no';
    },
  },
} as const satisfies Record<string, Check>;
