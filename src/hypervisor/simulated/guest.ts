/** One simulated domain: QEMU's side of a guest (lifecycle, balloon device, statistics timer) around the guest's memory. */
import type { Bytes, Seconds } from '../../model/units.ts';
import type { DomainRef, DomainState, HypervisorEvent, LifecycleKind } from '../driver.ts';
import { BalloonDevice } from './balloon-device.ts';
import { Conditions } from './conditions.ts';
import { createDemand, type Demand, type DemandSpec } from './demand.ts';
import type { Fault, FaultKind } from './faults.ts';
import { reportFreePages } from './free-pages.ts';
import {
  bootMemory,
  type GuestHarm,
  noHarm,
  plugMemory,
  readRate,
  residentBytes,
  stepGuest,
} from './guest-model.ts';
import { DETAIL, REASON } from './lifecycle.ts';
import { EPSILON, Plan, type PlanStep } from './plan.ts';
import { deriveSeed, randomUuid } from './random.ts';
import type { GuestMemory, GuestParameters } from './reclaim.ts';
import { BOOT, bootSize, type GuestSpec, parametersOf, QEMU_OVERHEAD } from './scenario.ts';

export class SimulatedGuest {
  readonly spec: GuestSpec;
  readonly name: string;
  readonly uuid: string;
  /** Of this moment: memory can be plugged in. */
  parameters: GuestParameters;
  readonly harm: GuestHarm = noHarm();
  id = -1;
  state: DomainState = 'shutoff';
  reason = REASON.unknown;
  /** The stored stats period; the live one is the device's, and lost when the domain stops. */
  configPeriod: Seconds;
  /** Live metadata, lost when the domain stops: elements by their namespace, as their setter wrote them. */
  readonly metadata = new Map<string, { readonly prefix: string; readonly element: string }>();
  readonly balloon: BalloonDevice;
  /** A call is stuck in a hung QEMU, and holds the domain's job. */
  jobHeld = false;
  /** Time that the guest's processors ran, all boots together. */
  runSeconds: Seconds = 0;
  #ref: DomainRef | undefined;
  #memory: GuestMemory | undefined;
  #demand: Demand;
  /** Time since this boot by the guest's own clock, which stands still while it is paused. */
  #uptime: Seconds = 0;
  /** What stays resident whatever the guest gives. */
  #pinned: Bytes = 0;
  readonly #conditions = new Conditions();
  readonly #plan: Plan;
  readonly #seed: number;
  readonly #emit: (event: HypervisorEvent) => void;

  constructor(spec: GuestSpec, seed: number, emit: (event: HypervisorEvent) => void) {
    this.#seed = deriveSeed(seed, spec.name);
    this.#emit = emit;
    this.#demand = createDemand(spec.demand, deriveSeed(this.#seed, 'demand'));
    this.spec = spec;
    this.name = spec.name;
    this.uuid = spec.uuid ?? randomUuid(deriveSeed(this.#seed, 'uuid'));
    this.parameters = parametersOf(spec);
    this.configPeriod = spec.statsPeriod ?? 0;
    this.#plan = new Plan(spec.mishaps ?? []);
    this.balloon = new BalloonDevice(bootSize(spec));
    this.#lifecycle('defined', DETAIL.added);
  }

  get ref(): DomainRef {
    if (this.#ref?.id !== this.id) this.#ref = { name: this.name, uuid: this.uuid, id: this.id };
    return this.#ref;
  }

  /** As libvirt says it: there is a QEMU, whether its guest runs or not. */
  get active(): boolean {
    return this.#memory !== undefined;
  }

  get hasBalloon(): boolean {
    return this.spec.balloon !== 'none';
  }

  /** The guest's memory as it is inside; undefined while there is no QEMU. For tests and scores: no hypervisor sees this. */
  get memory(): Readonly<GuestMemory> | undefined {
    return this.#memory;
  }

  /** Something is wrong with it: the usual guest need not be asked for each kind. */
  get faulty(): boolean {
    return this.#conditions.any;
  }

  /** QEMU answers nobody. */
  get hung(): boolean {
    return this.active && this.#conditions.has('hang');
  }

  /** What the guest's programs want at a moment of the scenario; nothing before they run. For scores: no hypervisor sees this. */
  demandAt(time: Seconds): Bytes {
    return this.#booted ? this.#demand(time) : 0;
  }

  fault<K extends FaultKind>(kind: K): Extract<Fault, { kind: K }> | undefined {
    return this.#conditions.get(kind);
  }

  /** Resident memory of QEMU itself, beside the guest's. */
  get overhead(): Bytes {
    return this.spec.overhead ?? QEMU_OVERHEAD;
  }

  /** Resident memory of the guest's QEMU process. */
  get rss(): Bytes {
    return this.#memory ? Math.max(this.#pinned, residentBytes(this.#memory)) + this.overhead : 0;
  }

  start(id: number, touched: Bytes = 0): void {
    if (this.active) return;
    this.id = id;
    this.balloon.start(bootSize(this.spec), this.parameters.maximum, this.configPeriod);
    this.#power(Math.max(this.parameters.kernel, touched));
    this.#become('running', REASON.booted);
    this.#lifecycle('started', DETAIL.booted);
  }

  /** Pulls the plug. */
  destroy(): void {
    if (!this.active) return;
    this.#end(REASON.destroyed);
    this.#lifecycle('stopped', DETAIL.destroyed);
  }

  /** The guest shuts itself down. */
  shutdown(): void {
    if (this.state !== 'running') return;
    this.#lifecycle('shutdown', DETAIL.guestShutdown);
    this.#end(REASON.shutdown);
    this.#lifecycle('stopped', DETAIL.shutdown);
  }

  /** The guest's kernel panics, and its domain is kept for the post-mortem (`<on_crash>preserve`). */
  crash(): void {
    if (this.state !== 'running') return;
    this.#become('crashed', REASON.panicked);
    this.#lifecycle('crashed', DETAIL.panicked);
  }

  /**
   * Resets the machine. QEMU keeps the balloon's target and the last `actual`, and forgets the statistics
   * (hw/virtio/virtio-balloon.c of QEMU 10); what was resident on the host stays so.
   */
  reboot(events = 1): void {
    if (!this.#memory || this.state === 'crashed' || this.hung) return;
    this.#power(residentBytes(this.#memory));
    for (let i = 0; i < events; i++) this.#emit({ type: 'reboot', domain: this.ref });
  }

  pause(): void {
    if (this.state !== 'running') return;
    this.#become('paused', REASON.user);
    this.#lifecycle('suspended', DETAIL.paused);
  }

  resume(): void {
    if (this.state !== 'paused') return;
    this.#become('running', REASON.unpaused);
    this.#lifecycle('resumed', DETAIL.unpaused);
  }

  undefine(): void {
    this.destroy();
    this.#lifecycle('undefined', DETAIL.removed);
  }

  /** QEMU of a domain without a stored definition dies unasked; libvirt has no reason for it but failure. */
  vanish(): void {
    if (!this.active) return;
    this.#end(REASON.crashed);
    this.#lifecycle('stopped', DETAIL.failed);
  }

  inject(fault: Fault): void {
    this.heal(fault.kind);
    this.#conditions.set(fault);
    if (fault.kind === 'no-driver' || fault.kind === 'no-stats') this.balloon.unload();
    if (fault.kind === 'hotplug') this.#plug(fault.bytes);
  }

  heal(kind: FaultKind): void {
    const plugged = this.fault('hotplug');
    if (kind === 'hotplug' && plugged) this.#plug(-plugged.bytes);
    if (kind === 'pinned') this.#pinned = 0;
    this.#conditions.end(kind);
    if (kind === 'hang') this.jobHeld = false;
  }

  /** The moments of the guest's plan that have come by `time`, each once. */
  due(time: Seconds): readonly PlanStep[] {
    return this.#plan.due(time);
  }

  /** The balloon keeps the pages that it has, so size and target move with the maximum (virtio_balloon_to_target). */
  #plug(bytes: Bytes): void {
    const plugged = this.#memory === undefined ? 0 : plugMemory(this.#memory, bytes);
    if (plugged === 0) return;
    this.parameters = { ...this.parameters, maximum: this.parameters.maximum + plugged };
    this.balloon.target += plugged;
  }

  /** Sets the period of its reports until it stops. */
  setLivePeriod(seconds: Seconds): void {
    this.balloon.setLivePeriod(seconds, this.#uptime);
  }

  /** Changes what the guest's programs want. */
  setDemand(spec: DemandSpec): void {
    this.#demand = createDemand(spec, deriveSeed(this.#seed, 'demand'));
  }

  /**
   * Advances by `dt` seconds to the scenario's time `time`, which is `wall` by the host's wall clock.
   */
  step(time: Seconds, wall: Seconds, dt: Seconds): void {
    const memory = this.#memory;
    if (this.hung) return;
    if (memory && this.state === 'running') {
      this.#uptime += dt;
      this.runSeconds += dt;
      const target = this.#booted && this.hasBalloon ? this.#followed(memory) : undefined;
      stepGuest(
        memory,
        this.harm,
        this.parameters,
        this.demandAt(time),
        target,
        dt,
        readRate(this.parameters.files, time),
      );
      if (this.spec.freePageReporting) reportFreePages(memory, this.parameters.apart.resident, dt);
      if (this.spec.obstacles?.length || this.#conditions.has('pinned'))
        this.#pinned = Math.max(this.#pinned, residentBytes(memory));
      if (target !== undefined) this.#driver(memory, wall);
    }
    if (this.balloon.announces(time))
      this.#emit({ type: 'balloon', domain: this.ref, actualKib: this.balloon.cachedKib });
  }

  /** Its host keeps it waiting. */
  wait(seconds: Seconds): void {
    if (this.state === 'running') this.harm.stallSeconds += seconds;
  }

  /** Programs and balloon driver run. */
  get #booted(): boolean {
    return this.#memory !== undefined && this.#uptime + EPSILON >= (this.spec.boot ?? BOOT);
  }

  /** The size that the guest's driver goes for; undefined where there is no driver with anything left to do. */
  #followed(memory: Readonly<GuestMemory>): Bytes | undefined {
    if (!this.#conditions.any) return this.balloon.target;
    const { maximum } = this.parameters;
    if (this.#conditions.has('no-driver')) return memory.size < maximum ? maximum : undefined;
    return this.#conditions.has('stuck') ? memory.size : this.balloon.target;
  }

  #driver(memory: Readonly<GuestMemory>, wall: Seconds): void {
    this.balloon.tell(memory.size);
    if (this.#conditions.mute) return;
    this.balloon.reportIfDue(memory, this.parameters, wall, this.#uptime, this.#conditions.distortion);
  }

  #power(resident: Bytes): void {
    this.#memory = bootMemory(this.parameters, resident);
    this.balloon.reset(this.parameters.maximum);
    this.#uptime = 0;
  }

  #end(reason: number): void {
    this.#memory = undefined;
    this.#pinned = 0;
    this.#conditions.end('hotplug');
    this.parameters = parametersOf(this.spec);
    this.heal('hang');
    this.metadata.clear();
    this.balloon.end(bootSize(this.spec));
    this.id = -1;
    this.#become('shutoff', reason);
  }

  #become(state: DomainState, reason: number): void {
    this.state = state;
    this.reason = reason;
  }

  #lifecycle(kind: LifecycleKind, detail: number): void {
    this.#emit({ type: 'lifecycle', domain: this.ref, kind, detail });
  }
}
