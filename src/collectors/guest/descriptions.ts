import { parseDomainXml } from '../../hypervisor/domain-xml.ts';
import type { DomainRef, Hypervisor } from '../../hypervisor/driver.ts';
import { isBallonetError, isConnectionLost } from '../../model/errors.ts';
import type { Seconds } from '../../model/units.ts';
import type { ProblemReporter } from '../problems.ts';
import type { GuestDescription } from './sample.ts';

/** Fetches in one tick: with 5000 guests at the start all are known after 80 ticks, and no tick waits long. */
const FETCHES_PER_TICK = 64;
const RETRY_INTERVAL: Seconds = 30;

/** A guest as far as its XML is concerned. */
interface Describable {
  readonly record: { readonly domain: DomainRef };
  /** `starts` counts starts: the XML of a running domain is of one start. */
  readonly tracker: { readonly starts: number };
  /** What is known of its XML, kept with the guest: looked for by its uuid, it would be twice a tick. */
  xml: XmlEntry | undefined;
}

interface Description extends GuestDescription {
  /** Stats period that the domain was given, missing when it has none. */
  readonly statsPeriodSeconds?: Seconds;
}

/** What is known of one guest's XML. */
export interface XmlEntry {
  readonly starts: number;
  due: boolean;
  retryAt: Seconds;
  description: Description | undefined;
}

/** The domain XML of every guest, read once a start and again when it was redefined. */
export interface Descriptions {
  of(guest: Pick<Describable, 'xml'>): Description | undefined;
  /**
   * Fetches what is due, within bounds.
   *
   * @throws BallonetError HYPERVISOR_CLOSED, HYPERVISOR_UNREACHABLE, PROTOCOL
   */
  refresh(guests: readonly Describable[], at: Seconds): Promise<void>;
  /** H35: its definition may have changed; what is known stands until it is read again. */
  expire(uuid: string): void;
  expireAll(): void;
  forget(uuid: string, name: string): void;
}

export function createDescriptions(hypervisor: Hypervisor, problems: ProblemReporter): Descriptions {
  const entries = new Map<string, XmlEntry>();

  function entryOf(guest: Describable): XmlEntry {
    const { starts } = guest.tracker;
    if (guest.xml?.starts === starts) return guest.xml;
    guest.xml = { starts, due: true, retryAt: Number.NEGATIVE_INFINITY, description: undefined };
    entries.set(guest.record.domain.uuid, guest.xml);
    return guest.xml;
  }

  async function fetch(ref: DomainRef, entry: XmlEntry, at: Seconds): Promise<void> {
    entry.due = false;
    const xml = await fetchXml(ref, entry, at);
    if (xml === undefined) return;
    try {
      const { title, tags, os, balloon, obstacles } = parseDomainXml(xml);
      const { device, autodeflate, freePageReporting, statsPeriodSeconds } = balloon;
      entry.description = {
        ...(title === undefined ? {} : { title }),
        ...(tags === undefined ? {} : { tags }),
        ...(os === undefined ? {} : { os }),
        balloon: { device, autodeflate, freePageReporting },
        obstacles,
        ...(statsPeriodSeconds === undefined ? {} : { statsPeriodSeconds }),
      };
      problems.report(problemSource(ref.name), undefined);
    } catch (error) {
      if (!isBallonetError(error)) throw error;
      later(entry, at);
      problems.report(problemSource(ref.name), error);
    }
  }

  async function fetchXml(ref: DomainRef, entry: XmlEntry, at: Seconds): Promise<string | undefined> {
    try {
      return await hypervisor.domain(ref).xml();
    } catch (error) {
      later(entry, at);
      if (!isBallonetError(error) || isConnectionLost(error)) throw error;
      if (error.code !== 'DOMAIN_NOT_FOUND') problems.report(problemSource(ref.name), error);
      return undefined;
    }
  }

  return {
    of: ({ xml }) => xml?.description,
    async refresh(guests, at) {
      const fetches: Promise<void>[] = [];
      for (const guest of guests) {
        const entry = entryOf(guest);
        if (!entry.due || at < entry.retryAt || fetches.length >= FETCHES_PER_TICK) continue;
        fetches.push(fetch(guest.record.domain, entry, at));
      }
      await Promise.all(fetches);
    },
    expire(uuid) {
      const entry = entries.get(uuid);
      if (entry !== undefined) entry.due = true;
    },
    expireAll() {
      for (const entry of entries.values()) {
        entry.due = true;
        entry.retryAt = Number.NEGATIVE_INFINITY;
      }
    },
    forget(uuid, name) {
      entries.delete(uuid);
      problems.report(problemSource(name), undefined);
    },
  };
}

function later(entry: XmlEntry, at: Seconds): void {
  entry.due = true;
  entry.retryAt = at + RETRY_INTERVAL;
}

function problemSource(name: string): string {
  return `guest:${name}:xml`;
}
