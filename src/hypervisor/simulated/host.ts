/** The simulated host: its guests, its time and its memory. Connections look at it and act on it. */
import { type Observable, Subject } from 'rxjs';
import type { Clock } from '../../model/clock.ts';
import { BallonetError } from '../../model/errors.ts';
import type { Bytes, Seconds } from '../../model/units.ts';
import type { HypervisorEvent, LinkState, NodeMemory } from '../driver.ts';
import type { DemandSpec } from './demand.ts';
import type { Fault, FaultKind, HostMishap } from './faults.ts';
import { SimulatedGuest } from './guest.ts';
import type { GuestHarm } from './guest-model.ts';
import { HostLink } from './host-link.ts';
import { HostRoom } from './host-room.ts';
import { befall, type Hands } from './mishaps.ts';
import { Plan, type PlanStep } from './plan.ts';
import type { GuestSpec, Scenario } from './scenario.ts';
import { Waits } from './waits.ts';

/** The model's step by default. Everything happens on this grid, so that results do not depend on when somebody looks. */
const STEP: Seconds = 0.1;

/** A wall clock that drifts less than this against the monotonic one has not been set. */
const WALL_TOLERANCE: Seconds = 0.001;

export interface HostOptions {
  readonly scenario: Scenario;
  readonly clock: Clock;
  /** The same (scenario, seed) gives the same guests. */
  readonly seed: number;
}

/** What a run did to its guests and its host so far. */
export interface HarmReport {
  readonly guests: ReadonlyMap<string, Readonly<GuestHarm>>;
  /** Time in which the guests' resident memory did not fit beside the host's own. */
  readonly hostOverrunSeconds: Seconds;
  /** The guests' resident memory, integrated. */
  readonly residentByteSeconds: number;
}

export class SimulatedHost {
  readonly scenario: Scenario;
  readonly #seed: number;
  readonly #clock: Clock;
  readonly #origin: Seconds;
  readonly #events = new Subject<HypervisorEvent>();
  readonly #guests = new Map<string, SimulatedGuest>();
  /** The same in a row: looked through many times a step. */
  #row: readonly SimulatedGuest[] = [];
  readonly #queue: HypervisorEvent[] = [];
  readonly #waits = new Waits();
  #steps = 0;
  #nextId = 1;
  #wallOffset: Seconds;
  readonly #step: Seconds;
  #stepping = false;
  readonly #room: HostRoom;
  readonly #plan: Plan<HostMishap>;
  readonly #hands: Hands = { start: guest => this.#start(guest), vanish: guest => this.#vanish(guest) };
  readonly #link: HostLink;

  constructor({ scenario, clock, seed }: HostOptions) {
    const now = clock.now();
    this.scenario = scenario;
    this.#seed = seed;
    this.#step = scenario.step ?? STEP;
    this.#clock = clock;
    this.#origin = now.monotonic - scenario.warmUp;
    this.#wallOffset = now.wall - now.monotonic;
    this.#link = new HostLink(scenario.name);
    this.#room = new HostRoom(scenario.host, seed);
    this.#plan = new Plan(scenario.host.mishaps ?? []);
    for (const spec of scenario.guests) this.#add(spec);
    this.sync();
  }

  get events(): Observable<HypervisorEvent> {
    return this.#events.asObservable();
  }

  /** The scenario's time: seconds since its warm-up began. */
  get time(): Seconds {
    return this.#steps * this.#step;
  }

  /** Brings the model up to the clock's present. Every look at the host starts here. */
  sync(): void {
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      const now = this.#clock.now();
      const offset = now.wall - now.monotonic;
      if (Math.abs(offset - this.#wallOffset) > WALL_TOLERANCE) this.#wallOffset = offset;
      const due = Math.floor((now.monotonic - this.#origin) / this.#step + 1e-6);
      while (this.#steps < due) this.#advance();
      this.#flush();
      this.#waits.settle(now.monotonic);
    } finally {
      this.#stepping = false;
    }
  }

  guests(): readonly SimulatedGuest[] {
    this.sync();
    return this.#row;
  }

  byUuid(uuid: string): SimulatedGuest | undefined {
    this.sync();
    return this.#guests.get(uuid);
  }

  /** @throws BallonetError DOMAIN_NOT_FOUND */
  byName(name: string): SimulatedGuest {
    const guest = this.guests().find(candidate => candidate.name === name);
    if (!guest)
      throw new BallonetError('DOMAIN_NOT_FOUND', `no domain with name '${name}'`, { hypervisorCode: 42 });
    return guest;
  }

  /** What there is for guests and their processes now. */
  capacity(): Bytes {
    return this.#room.capacity(this.time);
  }

  /** Whether the hypervisor's daemon answers, the present state first. */
  get link(): Observable<LinkState> {
    return this.#link.state;
  }

  get reachable(): boolean {
    return this.#link.up;
  }

  /** @throws BallonetError HYPERVISOR_UNREACHABLE while the hypervisor's daemon answers nobody */
  mustAnswer(): void {
    this.sync();
    this.#link.mustAnswer();
  }

  nodeMemory(): NodeMemory {
    this.sync();
    return this.#room.nodeMemory(this.#resident(), this.time);
  }

  harm(): HarmReport {
    return {
      guests: new Map(this.guests().map(guest => [guest.name, { ...guest.harm }])),
      hostOverrunSeconds: this.#room.overrunSeconds,
      residentByteSeconds: this.#room.residentByteSeconds,
    };
  }

  /** Defines a guest, and starts it unless its spec says otherwise. */
  addGuest(spec: GuestSpec): SimulatedGuest {
    this.sync();
    const guest = this.#add(spec);
    this.#flush();
    return guest;
  }

  removeGuest(name: string): void {
    const guest = this.byName(name);
    guest.undefine();
    this.#drop(guest);
    this.#flush();
  }

  start(name: string): void {
    this.#change(name, guest => this.#start(guest));
  }

  destroy(name: string): void {
    this.#change(name, guest => guest.destroy());
  }

  shutdown(name: string): void {
    this.#change(name, guest => guest.shutdown());
  }

  crash(name: string): void {
    this.#change(name, guest => guest.crash());
  }

  reboot(name: string): void {
    this.#change(name, guest => guest.reboot());
  }

  pause(name: string): void {
    this.#change(name, guest => guest.pause());
  }

  resume(name: string): void {
    this.#change(name, guest => guest.resume());
  }

  /** Changes what a guest's programs want, from now on. */
  setDemand(name: string, demand: DemandSpec): void {
    this.#change(name, guest => guest.setDemand(demand));
  }

  /** Puts a guest into a bad condition, until it is healed; one of the same kind takes the other's place. */
  inject(name: string, fault: Fault): void {
    this.#change(name, guest => guest.inject(fault));
  }

  /** Ends a condition, whoever brought it about. */
  heal(name: string, kind: FaultKind): void {
    this.#change(name, guest => guest.heal(kind));
    this.#waits.settle(this.#clock.now().monotonic);
  }

  /** Ends a guest and its domain as the death of a QEMU whose domain is stored nowhere does. */
  vanish(name: string): void {
    this.#change(name, guest => this.#vanish(guest));
  }

  /**
   * Resolves when a hung guest answers again.
   *
   * @param owner whose call it is, for `dropWaits`
   * @throws BallonetError HYPERVISOR_TIMEOUT after `seconds`, HYPERVISOR_CLOSED when the owner is dropped
   */
  answers(guest: SimulatedGuest, seconds: Seconds, owner: object): Promise<void> {
    return this.#waits.add(guest, this.#clock.now().monotonic, seconds, owner);
  }

  /** Whether any call waits for a hung guest. */
  get waiting(): boolean {
    return this.#waits.size > 0;
  }

  /** Ends the waits of a connection. */
  dropWaits(owner: object, error: BallonetError): void {
    this.#waits.drop(owner, error);
  }

  #vanish(guest: SimulatedGuest): void {
    guest.vanish();
    this.#drop(guest);
  }

  #drop(guest: SimulatedGuest): void {
    this.#guests.delete(guest.uuid);
    this.#row = [...this.#guests.values()];
  }

  #start(guest: SimulatedGuest): void {
    if (!guest.active) guest.start(this.#nextId++);
  }

  #change(name: string, change: (guest: SimulatedGuest) => void): void {
    change(this.byName(name));
    this.#flush();
  }

  #add(spec: GuestSpec): SimulatedGuest {
    if (this.#row.some(guest => guest.name === spec.name)) {
      throw new BallonetError('OPERATION_REFUSED', `domain '${spec.name}' already exists`, {
        hypervisorCode: 9,
      });
    }
    const guest = new SimulatedGuest(spec, this.#seed, event => this.#queue.push(event));
    this.#guests.set(guest.uuid, guest);
    this.#row = [...this.#guests.values()];
    if (spec.running !== false) guest.start(this.#nextId++, (spec.touched ?? 0) * guest.parameters.maximum);
    return guest;
  }

  #advance(): void {
    this.#steps++;
    const dt = this.#step;
    const time = this.time;
    const wall = this.#origin + time + this.#wallOffset;
    for (const moment of this.#plan.due(time)) this.#suffer(moment);
    for (const guest of this.#row) {
      for (const moment of guest.due(time)) befall(guest, moment, this.#hands);
      guest.step(time, wall, dt);
    }
    const resident = this.#resident();
    const lost = this.#room.step(resident, this.#guests.size, time, dt);
    if (lost > 0) for (const guest of this.#row) guest.wait((lost * dt * guest.rss) / resident);
    this.#flush();
  }

  #suffer({ mishap, begins }: PlanStep<HostMishap>): void {
    if (mishap.kind === 'unreachable') this.#link.reach(!begins);
    else this.#room.takeOffline(begins ? mishap.bytes : -mishap.bytes);
  }

  /** Events leave when the guests are at rest, so that whoever hears them may look and act at once. */
  #flush(): void {
    for (let event = this.#queue.shift(); event; event = this.#queue.shift()) this.#events.next(event);
  }

  #resident(): Bytes {
    let sum = 0;
    for (const guest of this.#row) sum += guest.rss;
    return sum;
  }
}
