/** The kind Scenario: a host, its guests, what they want of memory and what befalls them. */
import { z } from 'zod';
import type { Obstacle } from '../../model/snapshot.ts';
import { ApiVersion, Metadata } from '../../policy/schema/fields.ts';
import { rate, size } from '../../policy/schema/quantities.ts';
import { anyAmount, drawnAmount, drawnSize, HOST_MAX, HOST_MIN, share, time } from './amounts.ts';
import { Demand } from './demand-schema.ts';
import { GuestEvent, HostEvent } from './event-schema.ts';

/** What an operator can put into a domain's XML; a job comes and goes, and is an event. */
const OBSTACLES = [
  'passthrough',
  'hugepages',
  'locked',
  'launch-security',
  'virtio-mem',
] as const satisfies readonly Obstacle[];

const Host = z
  .strictObject({
    memory: size({ min: HOST_MIN, max: HOST_MAX })
      .describe('Memory of the host.')
      .meta({ examples: ['24GiB'] }),
    overhead: size().prefault('1GiB').describe('What the host itself uses, beside its guests.'),
    cache: size().prefault('512MiB').describe('Page cache of the host while there is room for it.'),
    load: Demand.optional().describe(
      'Other programs of the host, which come and go: what they use beyond the overhead.',
    ),
    swap: size().prefault('0B').describe('Swap of the host: what does not fit goes there, and guests stall.'),
    swapRate: rate()
      .prefault('256MiB/s')
      .describe('What the host’s swap device carries, both ways together.'),
    events: z.array(HostEvent).max(1000).default([]).describe('What befalls the host.'),
  })
  .describe('The host.');

const Files = z.strictObject({
  size: drawnAmount().describe('Files that the guest reads over and over.'),
  rate: rate().describe('How fast it reads them.'),
  every: time()
    .prefault('0s')
    .describe('It reads them from end to end each so often; 0s: here and there, without a break.'),
  mapped: share().prefault('10%').describe('Share of the reads that go through mapped files, and so fault.'),
});

const Guest = z.strictObject({
  name: z
    .string()
    .max(200)
    .regex(/^[A-Za-z0-9_][\w.+@:-]*$/, {
      error: 'a guest is named by letters, digits and . _ + @ : -, and begins with none of the last',
    })
    .describe('Domain name; guests of a class of several are NAME-1, NAME-2 and so on.')
    .meta({ examples: ['web'] }),
  count: z.int().min(1).max(10_000).default(1).describe('How many guests of this class there are.'),
  title: z
    .string()
    .max(255)
    .optional()
    .describe('Domain title.')
    .meta({ examples: ['Shop front'] }),
  tags: z
    .record(
      z.string().regex(/^[A-Za-z_][\w.-]*$/, { error: 'a tag has letters, digits, dots, dashes and _' }),
      z.string().max(256),
    )
    .optional()
    .describe('Tags of the domain, for policies that match by them.')
    .meta({ examples: [{ tier: 'gold' }] }),
  vcpus: z.int().min(1).max(1024).default(1).describe('Virtual processors.'),
  memory: drawnSize().describe('Maximum memory of the guest.'),
  current: drawnAmount()
    .optional()
    .describe('Size that a cold start asks the balloon for; the maximum when it is left out.'),
  minimum: anyAmount()
    .prefault('25%')
    .describe('What an operator would set as the least size; baselines that want one take it.'),
  demand: Demand.describe('Anonymous memory that the guest’s programs want.'),
  stagger: time()
    .prefault('0s')
    .describe('Each guest of the class does what the one before did, so much later.'),
  files: Files.prefault({ size: '256MiB', rate: '8MiB/s' }).describe('What fills its page cache.'),
  swap: anyAmount().prefault('25%').describe('Swap; of a percentage, at most 2GiB.'),
  swapRate: rate().prefault('256MiB/s').describe('What its swap device carries, both ways together.'),
  swapOutRate: rate().optional().describe('The same for what goes out, where that differs.'),
  hot: share().prefault('50%').describe('Share of its anonymous memory that is touched all the time.'),
  touching: rate()
    .optional()
    .describe('What its programs touch of all that they hold, over and over; none when it is left out.'),
  locked: size().prefault('0B').describe('Memory in use beside the demand that never goes to swap.'),
  text: size().prefault('16MiB').describe('Pages of its programs’ files, which reclaim does not get.'),
  machine: z
    .enum(['kvm', 'tcg'])
    .default('kvm')
    .describe('QEMU with KVM, or without: how fast memory moves.'),
  process: size().prefault('48MiB').describe('Resident memory of its QEMU, beside the guest’s.'),
  touched: share()
    .prefault('0%')
    .describe('Share of its memory that it has touched before the scenario begins.'),
  boot: time().prefault('4s').describe('Time from power-on to a loaded balloon driver.'),
  statsPeriod: time().prefault('0s').describe('Stats period in its XML, whole seconds; 0: none.'),
  balloon: z.enum(['virtio', 'none']).default('virtio').describe('Its balloon device.'),
  autodeflate: z
    .boolean()
    .default(false)
    .describe('Out of memory, it takes some back from the balloon; its MemTotal stays at the maximum.'),
  freePageReporting: z.boolean().default(false).describe('Free memory goes back to the host by itself.'),
  obstacles: z
    .array(z.enum(OBSTACLES))
    .default([])
    .describe('What in its XML keeps the balloon from freeing memory of the host.'),
  running: z.boolean().default(true).describe('false: defined, and shut off until it is started.'),
  events: z.array(GuestEvent).max(1000).default([]).describe('What befalls it.'),
});

export const ScenarioDocument = z.strictObject({
  apiVersion: ApiVersion,
  kind: z.literal('Scenario').describe('Kind of the document.'),
  metadata: Metadata,
  spec: z
    .strictObject({
      seed: z
        .int()
        .min(0)
        .max(999_999_999)
        .default(1)
        .describe('The same scenario and seed give the same guests for ever.'),
      duration: time(60).prefault('1h').describe('How long it is simulated from the first tick on.'),
      warmUp: time().prefault('40s').describe('How long the guests have been running at the first tick.'),
      settle: time()
        .prefault('0s')
        .describe('Time from the first tick that is not scored, in which controllers find their feet.'),
      step: time(0.01).prefault('100ms').describe('Length of the model’s steps.'),
      interval: time(0.1)
        .prefault('100ms')
        .describe(
          'The shortest time between two ticks of any controller: a policy with a shorter interval gets this one. For scenarios of days.',
        ),
      host: Host,
      guests: z.array(Guest).min(1).max(1000).describe('The classes of guests.'),
    })
    .describe('What the scenario says.'),
});

export type ScenarioSpec = z.output<typeof ScenarioDocument>['spec'];
export type GuestClass = ScenarioSpec['guests'][number];
