/** Numbers of libvirt's remote program. Source: libvirt 9.0.0, src/remote/remote_protocol.x and include/libvirt. */
import type { Affect } from '../driver.ts';

/** `remote_procedure` numbers. */
export const PROCEDURE = {
  open: 1,
  close: 2,
  domainGetXml: 14,
  domainGetInfo: 16,
  lookupById: 22,
  lookupByName: 23,
  lookupByUuid: 24,
  supportsFeature: 60,
  authList: 66,
  authPolkit: 70,
  getLibVersion: 157,
  memoryStats: 159,
  domainGetJobInfo: 163,
  setMemoryFlags: 204,
  nodeGetMemoryStats: 228,
  domainSetMetadata: 264,
  domainGetMetadata: 265,
  listAllDomains: 273,
  setMemoryStatsPeriod: 308,
  eventRegister: 316,
  eventLifecycle: 318,
  eventReboot: 319,
  eventBalloonChange: 331,
  getAllDomainStats: 344,
  registerCloseCallback: 360,
  eventConnectionClosed: 362,
} as const;

/** `virDrvFeature` numbers. */
export const FEATURE = { keepalive: 10, eventCallback: 14, closeCallback: 15 } as const;

/** `remote_auth_type` numbers. */
export const AUTH = { none: 0, sasl: 1, polkit: 2 } as const;

/** `virDomainModificationImpact`. */
export const AFFECT_FLAGS: Readonly<Record<Affect, number>> = { current: 0, live: 1, config: 2 };

/** `virConnectGetAllDomainStatsFlags` and `virConnectListAllDomainsFlags`. */
export const BULK_NOWAIT = 2 ** 29;
/** Also with domains named: those that are not active are passed over. */
export const BULK_ACTIVE = 1;
export const LIST_ACTIVE = 1;
export const LIST_INACTIVE = 2;

/** `virDomainJobType` of a job that is under way; 0 is none, 3 to 5 are its ends. */
export const JOB_TYPE = { none: 0, bounded: 1, unbounded: 2 } as const;
/** Times and amounts of `remote_domain_get_job_info_ret`. */
export const JOB_FIGURES = 11;

/** `virDomainMetadataType`: an element of the caller's own namespace. */
export const METADATA_ELEMENT = 2;
