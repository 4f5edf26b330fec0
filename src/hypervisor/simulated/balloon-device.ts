/** QEMU's balloon device and the guest's driver at its other end: the size asked for, what is told of it, and the guest's reports. */
import { type Bytes, bytesToKib, type Kib, type Seconds } from '../../model/units.ts';
import { PAGE } from './pages.ts';
import { EPSILON } from './plan.ts';
import type { GuestMemory, GuestParameters } from './reclaim.ts';
import { type GuestReport, reportOf } from './report.ts';

/** QEMU lets a BALLOON_CHANGE event out at most once a second, the first at once (monitor/monitor.c, monitor_qapi_event_conf). */
const EVENT_INTERVAL: Seconds = 1;

/** Tells something else than what the guest's memory says. */
export type Distortion = (report: GuestReport, before: GuestReport | undefined) => GuestReport;

export class BalloonDevice {
  livePeriod: Seconds = 0;
  /** Size by QEMU's word: what the driver wrote last. */
  actual: Bytes = 0;
  /** Size by libvirt's word: that of the last balloon event. */
  cachedKib: Kib;
  report: GuestReport | undefined;
  /** What the balloon has moved, both ways together. */
  movedBytes: Bytes = 0;
  /** The size that the guest was last asked to take. */
  target: Bytes;
  /** Size that the driver of this boot has told, which begins with an empty balloon: one with nothing to move tells none. */
  #told: Bytes = 0;
  #nextReport: Seconds | undefined;
  #driverLoaded = false;
  #eventHeldUntil: Seconds = 0;
  #eventPending = false;

  constructor(target: Bytes) {
    this.target = target;
    this.cachedKib = bytesToKib(target);
  }

  /** QEMU starts, and its guest is to take this size; libvirt asks for the size after that, which no driver has moved by then. */
  start(target: Bytes, maximum: Bytes, period: Seconds): void {
    this.target = target;
    this.livePeriod = period;
    this.actual = maximum;
    this.cachedKib = bytesToKib(maximum);
  }

  /** QEMU ends. */
  end(bootSize: Bytes): void {
    this.report = undefined;
    this.#eventPending = false;
    this.actual = 0;
    this.livePeriod = 0;
    this.cachedKib = bytesToKib(bootSize);
  }

  /** The guest boots: QEMU keeps target and size. */
  reset(maximum: Bytes): void {
    this.#told = maximum;
    this.unload();
  }

  /** The guest's driver is gone, and what it reported with it. */
  unload(): void {
    this.#nextReport = undefined;
    this.#driverLoaded = false;
    this.report = undefined;
  }

  setTarget(bytes: Bytes): void {
    // The device counts pages that the guest must give (virtio_balloon_to_target), so the size is rounded up to a page.
    this.target = Math.ceil(bytes / PAGE) * PAGE;
  }

  /**
   * Sets the live period as QEMU does (hw/virtio/virtio-balloon.c, balloon_stats_set_poll_interval): an equal one changes
   * nothing, a first one asks the guest at once, another one waits its own length.
   */
  setLivePeriod(seconds: Seconds, uptime: Seconds): void {
    if (seconds === this.livePeriod) return;
    const first = this.livePeriod === 0;
    this.livePeriod = seconds;
    this.#nextReport = seconds === 0 ? undefined : uptime + (first ? 0 : seconds);
  }

  /** The driver tells the size that it has come to. */
  tell(size: Bytes): void {
    if (this.#told === size) return;
    if (this.#driverLoaded) this.movedBytes += Math.abs(size - this.actual);
    this.actual = size;
    this.#told = size;
    this.#eventPending = true;
  }

  /** The driver reports, if it is time to. */
  reportIfDue(
    memory: Readonly<GuestMemory>,
    parameters: GuestParameters,
    wall: Seconds,
    uptime: Seconds,
    distort: Distortion | undefined,
  ): void {
    const due = this.#nextReport !== undefined && uptime + EPSILON >= this.#nextReport;
    if (this.#driverLoaded && !due) return;
    // A driver fills its first buffer when it loads (init_vqs() in drivers/virtio/virtio_balloon.c), armed or not.
    this.#driverLoaded = true;
    const report = reportOf(memory, parameters, Math.floor(wall + EPSILON));
    this.report = distort === undefined ? report : distort(report, this.report);
    this.#nextReport = this.livePeriod === 0 ? undefined : uptime + this.livePeriod;
  }

  /** True when an event of its size leaves now. */
  announces(time: Seconds): boolean {
    if (!this.#eventPending || time + EPSILON < this.#eventHeldUntil) return false;
    this.#eventPending = false;
    this.#eventHeldUntil = time + EVENT_INTERVAL;
    this.cachedKib = bytesToKib(this.actual);
    return true;
  }
}
