/** The share of its memory that every guest keeps. */
export const MIN = 0.25;

/** Shrinks guests all the time, a little at a time. */
export const policyOf = (revision: number) => `# ${revision}
apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: soak}
spec:
  mode: enforce
  interval: 1s
  reserve: {bytes: 256MiB, percent: 0, select: max}
  staleAfter: 5s
  pressure: [{name: soft, when: "true", for: 0s, keepFor: 0s}]
  foreignChange: {yieldFor: 20s}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  guarantees: {min: ${MIN * 100}%, max: 100%, reserve: 64MiB}
  estimate: {signal: used, window: 30s, quantile: 0.9, growth: 1s}
  target: guest.demand + 96 * MiB
  behavior:
    tolerance: {percent: 1, bytes: 16MiB}
    shrink: {at: [soft], step: {max: 10%, min: 16MiB}, cooldown: 5s}
    grow: {at: [none, soft], step: {max: 100%}, cooldown: 0s}
  vetoes:
    - {name: swapping, when: has(guest.swap_out_rate) && guest.swap_out_rate > 16 * MiB, hold: 5s}
`;
