/**
 * Numbers of libvirt's remote program that only the server side needs. They were seen on the wire between virsh,
 * python3-libvirt and a libvirtd 9.0.0; the flags are those of include/libvirt/libvirt-domain.h.
 */

/** `remote_procedure` numbers beside those that our client calls. */
export const SERVED = {
  getType: 3,
  getVersion: 4,
  getMaxVcpus: 5,
  nodeGetInfo: 6,
  getCapabilities: 7,
  domainGetAutostart: 15,
  domainGetMaxMemory: 17,
  domainGetMaxVcpus: 18,
  domainGetOsType: 19,
  listDefinedDomains: 21,
  numOfDefinedDomains: 25,
  domainSetMemory: 31,
  listDomains: 37,
  numOfDomains: 51,
  getHostname: 59,
  authSaslInit: 67,
  authSaslStart: 68,
  authSaslStep: 69,
  nodeGetCellsFreeMemory: 101,
  nodeGetFreeMemory: 102,
  getUri: 110,
  domainGetSecurityLabel: 121,
  nodeGetSecurityModel: 122,
  isSecure: 149,
  domainIsActive: 150,
  domainIsPersistent: 151,
  domainHasManagedSave: 183,
  domainHasCurrentSnapshot: 190,
  domainIsUpdated: 202,
  domainGetState: 212,
  eventDeregister: 317,
  unregisterCloseCallback: 361,
  domainGetMessages: 426,
} as const;

/** The last procedure of libvirt 9.0.0. One up to here that is not served is not supported; one past it is not known. */
export const PROCEDURE_LAST = 443;

/** The version of libvirt whose answers these are, packed as libvirt packs it. */
export const LIBVIRT_VERSION = 9_000_000;

/** `virDrvFeature` beside those of our client: typed parameters may be strings. */
export const FEATURE_TYPED_PARAM_STRING = 9;

/** `virConnectListAllDomainsFlags`; those of bulk calls are the same as far as both have them. */
export const LIST = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  other: 128,
  managedSave: 256,
  noManagedSave: 512,
  autostart: 1024,
  noAutostart: 2048,
  hasSnapshot: 4096,
  noSnapshot: 8192,
  hasCheckpoint: 16_384,
  noCheckpoint: 32_768,
} as const;

/** `virConnectGetAllDomainStatsFlags` past the filters. */
export const BULK = { nowait: 2 ** 29, backing: 2 ** 30, enforce: 2 ** 31 } as const;

/** `virDomainModificationImpact` and `virDomainMemoryModFlags`. */
export const AFFECT = { live: 1, config: 2, maximum: 4 } as const;

/** `virDomainXMLFlags`. */
export const XML = { secure: 1, inactive: 2, updateCpu: 4, migratable: 8 } as const;
