/** Public API of the package: hypervisor connections, memory statistics, errors. */
export { connect } from './cli/connect.ts';
export type {
  Affect,
  BulkStatsOptions,
  ConnectOptions,
  Domain,
  DomainInfo,
  DomainRef,
  DomainState,
  DomainStats,
  Hypervisor,
  HypervisorEvent,
  LifecycleKind,
  LinkState,
  MemoryStatsOptions,
  NodeMemory,
  SetMemoryOptions,
  StatsGroup,
  StatValue,
} from './hypervisor/driver.ts';
export type { ErrorCode } from './model/errors.ts';
export { BallonetError, isBallonetError, isTransient } from './model/errors.ts';
export type { MemoryStat, MemoryStatName, MemoryStatsRecord } from './model/memory-stats.ts';
export {
  MEMORY_STAT_NR,
  MEMORY_STAT_TAG,
  MEMORY_STATS_MAX,
  memoryStatName,
  memoryStatsToRecord,
} from './model/memory-stats.ts';
