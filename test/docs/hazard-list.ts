/** The hazards, by number, and the worlds in which one of them cannot be shown. */

/** What goes wrong, and the rule that answers it; by number. */
export const HAZARDS: readonly (readonly [wrong: string, rule: string])[] = [
  [
    'The guest kills a process after its balloon was filled',
    'A target is never under the guarantee, nor under use and an absolute reserve',
  ],
  [
    'A target that the guest cannot reach makes it reclaim for ever',
    'A shrink that comes to a stand is withdrawn; back-off of 10 minutes, doubling to an hour',
  ],
  [
    'A formula collapses on an idle guest',
    'The reserve is absolute; at most half the slack at once while a shrink is on probation',
  ],
  [
    'Relief in parts stalls',
    'Relief is derived from need, goes up at once, and asks neither step nor cooldown',
  ],
  [
    'Guests under pressure are shrunk with the others',
    'A guest in distress never donates, unless the host policy shares a shortage or its own vouches for swap: then little at once, if it can swap, to its share or as long as it misses nothing of it',
  ],
  [
    'A wrong policy breaks a guarantee',
    'The guard works every limit out once more, out of reach of policies',
  ],
  ["The kernel's own share of the size is forgotten", "The kernel's share is learned and kept above use"],
  ['Software sized for the memory at its start', 'Guarantees, exclusion and precedence by policy'],
  [
    'A reboot is squeezed by the target of before',
    'A guest that boots is given its maximum and a minute of grace',
  ],
  [
    'Statistics were never asked for, or stand still',
    'The period is armed at every start; freshness by the host clock',
  ],
  ['A fresh time stamp on an empty report', 'Required figures must be there and plausible'],
  ['Figures of an earlier boot', 'Epochs: nothing is compared across a start, reboot or counter that falls'],
  ['Swapping out makes a guest look comfortable', 'It is not shrunk, and what it evicted counts as need'],
  ['zswap hides swapping', 'Major faults are a second sign'],
  ['Auto-deflate changes what MemTotal means', 'Use is worked out from the maximum there'],
  ['Page cache looks like slack', 'Faults after a shrink roll it back'],
  ["Windows' figures mean something else", 'They are read by operating system'],
  ['A guest without statistics', 'It is never shrunk'],
  [
    'Host memory that is not what it seems (ZFS, graphics, huge pages)',
    'Named correction terms of host.available',
  ],
  ['A guest that lies or refuses', 'Resident memory is the check; it can hurt only its own share'],
  ['Inflating frees nothing on the host', 'Known from the XML, or found by three shrinks without effect'],
  ['A step larger than the dead band oscillates', 'A lint at load; targets, not steps'],
  ['A target derived from what is left cycles', 'Targets are totals'],
  ['Acting twice on one report, or on a move under way', 'One decision a report, one move a guest'],
  ['Growing too slowly', 'Growth has no rate; use between reports is seen from resident memory'],
  ['Two controllers', 'A lease in the metadata; a foreign change makes Ballonet stay off that guest'],
  ['All guests want memory at once', 'The budget first; shares; a part of the host kept for distress'],
  ['The host kills a guest', 'The reserve is never planned away; the daemon says when guarantees do not fit'],
  ['Harm after a shrink', 'Probation, roll-back, learned floor'],
  ['A hung QEMU blocks its caller', 'Deadlines, a second connection for writes, others are asked one by one'],
  ['Migration, snapshot and backup jobs', 'A guest with a job is left alone'],
  ['libvirtd restarts', 'Everything is collected anew before anything moves'],
  ['The controller dies', 'State file, release after a failure, watchdog'],
  ['A storm of events', 'Several events of one reset are one epoch'],
  ['State kept or lost over a cold start', 'Every start is reconciled'],
  ['A squeeze that persists', 'Only the running balloon is moved'],
  ['A name or id is used again', 'Guests are known by uuid and epoch'],
  ['Units', 'Bytes inside, KiB in one place'],
  ['Churn costs the host its huge pages', 'Smallest step, cooldown, dead band'],
  ['Free page reporting beside ballooning', 'It is seen, and not counted twice'],
  ['Drivers with faults', 'A target is never above the maximum'],
  ['Guests that shut down, sleep or are paused', 'Only running guests are moved'],
];

/** A world in which a hazard is shown; `figures`: by made-up figures, fakes and files, without a guest that runs. */
export type World = 'libvirt' | 'QMP' | 'simulated' | 'figures';

export const WORLDS: readonly World[] = ['libvirt', 'QMP', 'simulated', 'figures'];

type Refusal = Partial<Record<Exclude<World, 'figures'>, string>>;

const REAL = (reason: string): Refusal => ({ libvirt: reason, QMP: reason });
const NO_CROWD =
  'no more guests fit beside the lab of libvirt, whose drivers, decisions and guests are the same';

/** Why a hazard is not shown in a world. */
export const REFUSALS: Readonly<Record<string, Refusal>> = {
  H2: REAL(
    'a driver that stops half-way cannot be had, and the guard asks for nothing that a guest cannot give',
  ),
  H5: REAL(
    'guests in distress beside others are in the script `overload` of test/lab/four-scripts.test.ts, which names no hazard',
  ),
  H11: REAL("Linux' driver fills every buffer that it sends; only Windows' sends empty ones"),
  H14: REAL(
    "Debian's kernel for virtual machines is built without zswap (CONFIG_ZSWAP); zram, whose swapping is counted, is with H13",
  ),
  H16: REAL(
    'a cache that is read again is in the script `cache` of test/lab/four-scripts.test.ts, which names no hazard',
  ),
  H17: REAL('no licence for a Windows guest'),
  H19: {
    ...REAL(
      'it is of the host: the machine of the tests has neither ZFS, nor a graphics pool, nor huge pages',
    ),
    simulated: 'it is of the host, and read from its files',
  },
  H20: REAL('a guest that lies wants a kernel of its own'),
  H27: { QMP: NO_CROWD },
  H32: {
    QMP: 'there is no daemon between Ballonet and QEMU',
    simulated: 'a simulated host has no daemon; test/soak restarts the socket that it is served on',
  },
  H36: { QMP: 'QMP stores nothing', simulated: 'a simulated domain stores no size' },
};
