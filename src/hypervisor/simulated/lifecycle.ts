/** Numbers of libvirt that the simulated lifecycle uses (include/libvirt/libvirt-domain.h). */

/** `VIR_DOMAIN_EVENT_*` details. */
export const DETAIL = {
  added: 0,
  removed: 0,
  booted: 0,
  paused: 0,
  unpaused: 0,
  guestShutdown: 1,
  shutdown: 0,
  destroyed: 1,
  failed: 5,
  panicked: 0,
};
/** `virDomain*Reason` numbers. */
export const REASON = {
  unknown: 0,
  booted: 1,
  unpaused: 5,
  user: 1,
  shutdown: 1,
  destroyed: 2,
  crashed: 3,
  panicked: 1,
};
