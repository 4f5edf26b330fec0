/**
 * Metrics for Prometheus, in its text format. Labels are names of guests, policies, levels and codes: as many as there are of these,
 * and guests that are gone are gone from the next scrape. `domain` is the label that libvirt's exporter uses, so that both join.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { EngineEvent, TickEvent } from '../engine/engine.ts';
import type { Decision } from '../model/decision.ts';
import { NOTICES, type Notice } from '../model/notice.ts';
import type { ShadowSummary } from '../model/shadow.ts';
import { type Reading, trusted } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';

/** What a metric is, for the reference page and for what is written in its terms. */
interface MetricKind {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

export interface Metrics {
  readonly kinds: readonly MetricKind[];
  noteEngine(event: EngineEvent): void;
  /** @param wall Unix time */
  noteNotice(notice: Notice, wall: Seconds): void;
  /** Unix times at which certificates run out: the one that the API shows, and the authority of its clients. */
  noteCertificates(expiries: Readonly<Record<'listen' | 'clients', Seconds | undefined>>): void;
  /** @param shadows gives what they have come to when somebody asks */
  watchShadows(shadows: () => readonly ShadowSummary[]): void;
  /** All metrics as they are now. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** From a tick of a few guests to one that takes longer than most intervals. */
const TICK_BUCKETS: readonly Seconds[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

const GUEST = ['domain', 'uuid'] as const;

/** @param startedAt Unix time */
export function createMetrics(version: string, startedAt: Seconds): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const kinds: MetricKind[] = [];
  const named = <L extends string>(
    type: MetricKind['type'],
    short: string,
    help: string,
    labelNames: readonly L[],
  ) => {
    // The names of these are Prometheus's own, and the same for every program.
    const name = short.startsWith('process_') ? short : `ballonet_${short}`;
    kinds.push({ name, type, help, labels: labelNames });
    return { name, help, labelNames, registers };
  };
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge(named('gauge', name, help, labelNames));
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter(named('counter', name, help, labelNames));

  gauge('build_info', 'Always 1; the labels say what runs.', ['version', 'nodeversion'])
    .labels(version, process.version)
    .set(1);
  const lastCycle = gauge(
    'last_successful_cycle_timestamp_seconds',
    'Unix time of the last tick that saw the host and its guests.',
  );
  const duration = new Histogram({
    ...named(
      'histogram',
      'evaluation_duration_seconds',
      'Length of a tick, from the begin of collecting to the last decision.',
      [],
    ),
    buckets: [...TICK_BUCKETS],
  });
  const failed = counter('failed_cycles_total', 'Ticks that could not ask the hypervisor.');
  const holding = gauge('safety_hold', '1 while nothing shrinks, after failed ticks.');
  const level = gauge('host_pressure_level', '1 for the present pressure level of the host.', ['level']);
  const availableRatio = gauge('host_memory_available_ratio', 'Share of the host memory that is available.');
  const host = {
    total: gauge('host_memory_total_bytes', 'Memory of the host.'),
    available: gauge('host_memory_available_bytes', 'Memory of the host that is available.'),
  };
  const pool = {
    total: gauge('pool_total_bytes', 'What the host has for its guests.'),
    committed: gauge('pool_committed_bytes', 'What the guests have been promised.'),
    free: gauge('pool_free_bytes', 'What may still be promised.'),
  };
  const sizes = {
    current: gauge('domain_balloon_current_bytes', 'Size that the balloon leaves the guest.', GUEST),
    target: gauge('domain_balloon_target_bytes', 'Size that the guest is to have.', GUEST),
    minimum: gauge(
      'domain_balloon_minimum_bytes',
      'Guaranteed minimum; missing while it is not known.',
      GUEST,
    ),
    maximum: gauge('domain_balloon_maximum_bytes', 'Most that the guest can have.', GUEST),
  };
  const reports = {
    used: gauge('domain_memory_used_bytes', 'Memory that the guest says it uses.', GUEST),
    available: gauge(
      'domain_memory_available_bytes',
      'Memory that the guest says it could still use.',
      GUEST,
    ),
  };
  const statsAge = gauge('domain_stats_age_seconds', "Age of the guest's own report.", GUEST);
  const domains = gauge('domains', 'Guests by what the last tick decided, and why.', ['action', 'reason']);
  const paused = gauge('paused_domains', 'Guests that an operator has paused.');
  const actions = counter('actions_total', 'Moves by what became of them.', ['direction', 'outcome']);
  const reclaimed = counter('reclaimed_bytes_total', 'Memory that guests were asked to give back.');
  const vetoes = counter('vetoes_total', 'Ticks in which a veto kept a guest from shrinking.', [
    'policy',
    'veto',
  ]);
  const policyErrors = counter('policy_errors_total', 'Ticks in which an expression of a policy failed.', [
    'policy',
  ]);
  const reloadGood = gauge(
    'config_last_reload_successful',
    '1 when the last reload of policies was taken up.',
  );
  const reloadAt = gauge(
    'config_last_reload_success_timestamp_seconds',
    'Unix time of the last reload that was taken up; the start of the daemon counts.',
  );
  const linkUp = gauge('hypervisor_up', '1 while the connection to the hypervisor is there.');
  const journalUp = gauge('journal_writable', '1 while the journal is written, or none is kept.');
  const stateUp = gauge('state_writable', '1 while the state is written, or none is kept.');
  const certificates = gauge(
    'certificate_expiry_timestamp_seconds',
    'Unix time at which a certificate of the API runs out: its own, and the authority of its clients; missing where there is no TLS.',
    ['certificate'],
  );
  const told = counter('events_total', 'Events by their type; docs/reference/events.md has them.', ['type']);
  const resident = gauge('process_resident_memory_bytes', 'Resident memory of the daemon.');
  const processor = counter('process_cpu_seconds_total', 'Time of a processor that the daemon took.');
  gauge('process_start_time_seconds', 'Unix time of the start of the daemon.').set(startedAt);
  const ups: Partial<Record<Notice['type'], readonly [Gauge, 0 | 1]>> = {
    HYPERVISOR_LOST: [linkUp, 0],
    HYPERVISOR_BACK: [linkUp, 1],
    JOURNAL_FAILED: [journalUp, 0],
    JOURNAL_BACK: [journalUp, 1],
    STATE_UNWRITTEN: [stateUp, 0],
    STATE_WRITTEN: [stateUp, 1],
  };
  for (const up of [linkUp, journalUp, stateUp]) up.set(1);
  for (const each of [...Object.values(host), ...Object.values(pool), availableRatio]) each.remove();
  // From the start, so that what counts up from nothing is seen.
  for (const type of Object.keys(NOTICES)) told.inc({ type }, 0);
  reloadGood.set(1);
  reloadAt.set(startedAt);
  holding.set(0);
  const shadowed = {
    reclaimedBytes: gauge('shadow_reclaimed_bytes', 'What the host would have more of under this policy.', [
      'policy',
    ]),
    stalledGuestSeconds: gauge(
      'shadow_stalled_seconds',
      'Time that guests would have lost since it is tried.',
      ['policy'],
    ),
    oomKills: gauge('shadow_oom_kills', 'Programs that would have been killed since it is tried.', [
      'policy',
    ]),
    hostOverrunSeconds: gauge(
      'shadow_host_overrun_seconds',
      'Time since it is tried in which what guests held would not have fitted.',
      ['policy'],
    ),
  };
  let shadows: () => readonly ShadowSummary[] = () => [];
  let last: TickEvent | undefined;

  function describeShadows(): void {
    for (const each of Object.values(shadowed)) each.reset();
    for (const { policy, ...figures } of shadows()) {
      shadowed.reclaimedBytes.set({ policy }, figures.reclaimedBytes);
      shadowed.stalledGuestSeconds.set({ policy }, figures.stalledGuestSeconds);
      shadowed.oomKills.set({ policy }, figures.oomKills);
      shadowed.hostOverrunSeconds.set({ policy }, figures.hostOverrunSeconds);
    }
  }

  function noteDecision(decision: Decision): void {
    const policy = decision.policy?.name ?? '';
    if (decision.reason === 'EXPRESSION_FAILED') policyErrors.inc({ policy });
    const veto = decision.stages.find(({ code }) => code === 'VETOED')?.inputs?.veto;
    if (veto !== undefined) vetoes.inc({ policy, veto: String(veto) });
  }

  function noteTick(event: TickEvent): void {
    last = event;
    lastCycle.set(event.now.wall);
    duration.observe(event.seconds);
    for (const decision of event.tick.decisions) noteDecision(decision);
  }

  /** What is read off the last tick is worked out when somebody asks. */
  function describe({ snapshot, tick, policies }: TickEvent): void {
    for (const gauges of [sizes, reports]) for (const each of Object.values(gauges)) each.reset();
    for (const each of [statsAge, domains, level]) each.reset();
    for (const { name } of policies.host.pressure) level.set({ level: name }, 0);
    level.set({ level: tick.state.pressure.level }, 1);
    const [available, total] = [
      trusted(snapshot.host.readings.available),
      trusted(snapshot.host.readings.total),
    ];
    put(host.total, total);
    put(host.available, available);
    const isKnown = available !== undefined && total !== undefined && total > 0;
    put(availableRatio, isKnown ? available / total : undefined);
    for (const figure of ['total', 'committed', 'free'] as const) put(pool[figure], tick.budget?.[figure]);
    paused.set(tick.state.pauses?.size ?? 0);
    const samples = new Map(snapshot.guests.map(sample => [sample.uuid, sample]));
    for (const { uuid, name, action, reason, targetBytes, guarantees } of tick.decisions) {
      const labels = { domain: name, uuid };
      domains.inc({ action, reason });
      const sample = samples.get(uuid);
      set(sizes.current, labels, known(sample?.readings.current));
      set(sizes.maximum, labels, known(sample?.readings.max));
      set(sizes.target, labels, targetBytes);
      set(sizes.minimum, labels, guarantees?.minBytes);
      set(reports.used, labels, known(sample?.readings.used));
      set(reports.available, labels, known(sample?.readings.available));
      set(statsAge, labels, sample?.statsAgeSeconds);
    }
  }

  return {
    kinds,
    noteEngine(event) {
      switch (event.type) {
        case 'tick':
          noteTick(event);
          return;
        case 'tick-failed':
          failed.inc();
          return;
        case 'safety':
          holding.set(event.holding ? 1 : 0);
          return;
        case 'applied': {
          const { decision, application } = event;
          actions.inc({ direction: decision.action, outcome: application.status });
          if (application.status === 'applied')
            reclaimed.inc(Math.max(0, (decision.currentBytes ?? 0) - application.targetBytes));
          return;
        }
        case 'ordered':
      }
    },
    noteNotice({ type }, wall) {
      told.inc({ type });
      const [up, value] = ups[type] ?? [];
      if (value !== undefined) up?.set(value);
      if (type !== 'POLICIES_RELOADED' && type !== 'RELOAD_REFUSED') return;
      reloadGood.set(type === 'POLICIES_RELOADED' ? 1 : 0);
      if (type === 'POLICIES_RELOADED') reloadAt.set(wall);
    },
    noteCertificates(expiries) {
      certificates.reset();
      for (const certificate of ['listen', 'clients'] as const) {
        const expiry = expiries[certificate];
        if (expiry !== undefined) certificates.set({ certificate }, expiry);
      }
    },
    watchShadows(given) {
      shadows = given;
    },
    text() {
      if (last !== undefined) describe(last);
      resident.set(process.memoryUsage.rss());
      const { user, system } = process.cpuUsage();
      processor.reset();
      processor.inc((user + system) / 1e6);
      describeShadows();
      return registry.metrics();
    },
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  };
}

type Labels = Readonly<Record<(typeof GUEST)[number], string>>;

function set(gauge: Gauge<keyof Labels>, labels: Labels, value: number | undefined): void {
  if (value !== undefined) gauge.set(labels, value);
}

/** A figure that is not known is not there. */
function put(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}

function known(reading: Reading | undefined): number | undefined {
  return reading === undefined ? undefined : trusted(reading);
}
