/** Shrinks every guest to what it uses and 128 MiB, as soon as it may. `spec` is more of what the host policy says. */
export const squeezing = (spec: string) => `
apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: lab}
spec:
  interval: 1s
  memory: 1GiB
  reserve: {bytes: 64MiB, percent: 0, select: max}
  pressure:
    - {name: always, when: host.total > 0, for: 0s, keepFor: 0s}
  ${spec}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: lab}
spec:
  match: {}
  guarantees: {min: 20%, max: 100%, reserve: 128MiB}
  estimate: {signal: used, window: 10s, quantile: 0.95, growth: 2s}
  target: guest.demand + guarantees.reserve
  behavior:
    shrink: {at: [always], step: {max: 20%, min: 16MiB}, cooldown: 2s}
    grow: {at: [none, always], step: {max: 100%}, cooldown: 0s}
`;
