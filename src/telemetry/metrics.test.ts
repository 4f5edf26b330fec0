import { describe, expect, it } from 'vitest';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import { ABSENT } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { createMetrics, type Metrics } from './metrics.ts';

const GUEST = sampleOf();
const LABELS = `domain="${GUEST.name}",uuid="${GUEST.uuid}"`;

/** Values by metric and labels, as they are scraped. */
async function scrape(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('metrics', () => {
  it('tell the sizes of each guest, what was decided and why, and the level of the host', async () => {
    const metrics = createMetrics('1.2.3', 1000);
    metrics.noteEngine(tickEventOf([GUEST], [decisionOf({ action: 'hold', reason: 'COOLDOWN' })]));
    const values = await scrape(metrics);
    expect(values.get(`ballonet_domain_balloon_current_bytes{${LABELS}}`)).toBe(2 * GiB);
    expect(values.get(`ballonet_domain_balloon_target_bytes{${LABELS}}`)).toBe(1.5 * GiB);
    expect(values.get(`ballonet_domain_balloon_minimum_bytes{${LABELS}}`)).toBe(512 * MiB);
    expect(values.get(`ballonet_domain_balloon_maximum_bytes{${LABELS}}`)).toBe(2 * GiB);
    expect(values.get(`ballonet_domain_stats_age_seconds{${LABELS}}`)).toBe(1);
    expect(values.get('ballonet_domains{action="hold",reason="COOLDOWN"}')).toBe(1);
    expect(values.get('ballonet_host_memory_available_ratio')).toBe(0.5);
    expect(values.get('ballonet_host_pressure_level{level="none"}')).toBe(1);
    expect(values.get('ballonet_host_pressure_level{level="soft"}')).toBe(0);
    expect(values.get(`ballonet_build_info{version="1.2.3",nodeversion="${process.version}"}`)).toBe(1);
    expect(values.get('ballonet_last_successful_cycle_timestamp_seconds')).toBe(1_700_000_000);
    expect(values.get('ballonet_evaluation_duration_seconds_count')).toBe(1);
  });

  it('tell when certificates run out, and nothing of one that is not used', async () => {
    const metrics = createMetrics('1.2.3', 1000);
    const expiries = async () =>
      [...(await scrape(metrics))].filter(([name]) => name.startsWith('ballonet_certificate_'));
    expect(await expiries()).toEqual([]);
    metrics.noteCertificates({ listen: 2000, clients: 3000 });
    metrics.noteCertificates({ listen: 4000, clients: undefined });
    expect(await expiries()).toEqual([
      ['ballonet_certificate_expiry_timestamp_seconds{certificate="listen"}', 4000],
    ]);
  });

  it('have nothing of what is not known, nor of a guest that has gone', async () => {
    const metrics = createMetrics('1.2.3', 1000);
    const { guarantees: _, ...decision } = decisionOf({ targetBytes: undefined });
    const blind = sampleOf({ readings: { current: ABSENT } });
    metrics.noteEngine(tickEventOf([blind], [decision]));
    const values = await scrape(metrics);
    for (const figure of ['current', 'target', 'minimum'])
      expect(values.has(`ballonet_domain_balloon_${figure}_bytes{${LABELS}}`)).toBe(false);
    metrics.noteEngine(tickEventOf([]));
    expect([...(await scrape(metrics)).keys()].filter(name => name.includes(GUEST.uuid))).toEqual([]);
  });

  it('count moves, what was taken, vetoes, failed expressions and failed ticks', async () => {
    const metrics = createMetrics('1.2.3', 1000);
    const stages = [
      { stage: 'vetoes', in: 1, out: 1, code: 'VETOED', inputs: { veto: 'swapping' } } as const,
    ];
    const policy = { name: 'all', source: { file: 'a.yaml', line: 1, column: 1 } };
    const vetoed = decisionOf({ action: 'hold', reason: 'VETOED', policy, stages });
    const failed = decisionOf({ action: 'hold', reason: 'EXPRESSION_FAILED', policy });
    for (const decision of [vetoed, vetoed, failed]) metrics.noteEngine(tickEventOf([GUEST], [decision]));
    metrics.noteEngine({
      type: 'applied',
      decision: decisionOf(),
      application: { status: 'applied', targetBytes: GiB },
    });
    metrics.noteEngine({
      type: 'applied',
      decision: decisionOf({ action: 'grow', currentBytes: GiB }),
      application: { status: 'failed', error: new Error('no') },
    });
    const net = { failures: 3, holding: true, goodTicks: 0 };
    metrics.noteEngine({ type: 'tick-failed', error: new Error('gone'), net });
    metrics.noteEngine({ type: 'safety', holding: true });
    const values = await scrape(metrics);
    expect(values.get('ballonet_vetoes_total{policy="all",veto="swapping"}')).toBe(2);
    expect(values.get('ballonet_policy_errors_total{policy="all"}')).toBe(1);
    expect(values.get('ballonet_actions_total{direction="shrink",outcome="applied"}')).toBe(1);
    expect(values.get('ballonet_actions_total{direction="grow",outcome="failed"}')).toBe(1);
    expect(values.get('ballonet_reclaimed_bytes_total')).toBe(GiB);
    expect(values.get('ballonet_failed_cycles_total')).toBe(1);
    expect(values.get('ballonet_safety_hold')).toBe(1);
  });

  it('tell whether the last reload was taken up, and when one was', async () => {
    const metrics = createMetrics('1.2.3', 1000);
    const seen = async () => {
      const values = await scrape(metrics);
      return ['successful', 'success_timestamp_seconds'].map(name =>
        values.get(`ballonet_config_last_reload_${name}`),
      );
    };
    expect(await seen()).toEqual([1, 1000]);
    metrics.noteNotice({ type: 'RELOAD_REFUSED' }, 2000);
    expect(await seen()).toEqual([0, 1000]);
    metrics.noteNotice({ type: 'POLICIES_RELOADED' }, 3000);
    metrics.noteNotice({ type: 'GUEST_GONE' }, 4000);
    expect(await seen()).toEqual([1, 3000]);
  });

  it('tell of host, pool and what guests report, and of the connection and every type of event', async () => {
    const metrics = createMetrics('1.2.3', 1000);
    metrics.noteEngine(tickEventOf([GUEST], [decisionOf()]));
    metrics.noteNotice({ type: 'HYPERVISOR_LOST' }, 2000);
    const values = await scrape(metrics);
    expect(values.get('ballonet_host_memory_total_bytes')).toBe(16 * GiB);
    expect(values.get('ballonet_host_memory_available_bytes')).toBe(8 * GiB);
    expect(values.get('ballonet_pool_total_bytes')).toBe(1);
    expect(values.get(`ballonet_domain_memory_used_bytes{${LABELS}}`)).toBe(500 * MiB);
    expect(values.get('ballonet_hypervisor_up')).toBe(0);
    expect(values.get('ballonet_events_total{type="HYPERVISOR_LOST"}')).toBe(1);
    expect(values.get('ballonet_events_total{type="JOURNAL_FAILED"}')).toBe(0);
    metrics.noteNotice({ type: 'HYPERVISOR_BACK' }, 2000);
    expect((await scrape(metrics)).get('ballonet_hypervisor_up')).toBe(1);
    expect(values.get('ballonet_journal_writable')).toBe(1);
    metrics.noteNotice({ type: 'JOURNAL_FAILED' }, 2000);
    metrics.noteNotice({ type: 'STATE_UNWRITTEN' }, 2000);
    const failing = await scrape(metrics);
    expect(['journal', 'state'].map(what => failing.get(`ballonet_${what}_writable`))).toEqual([0, 0]);
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(MiB);
  });

  it('are as many as there are guests, however many come and go, and whatever they are called', async () => {
    const metrics = createMetrics('1.2.3', 1000);
    const counted: number[] = [];
    for (let i = 0; i < 50; i++) {
      const guest = sampleOf({ uuid: `uuid-${i}`, name: `"guest"\n${i}` });
      metrics.noteEngine(tickEventOf([guest], [decisionOf({ uuid: guest.uuid, name: guest.name })]));
      counted.push((await scrape(metrics)).size);
    }
    expect(new Set(counted).size).toBe(1);
  });

  it('have names in the manner of Prometheus: a prefix, base units, counters that end in _total, help for each', async () => {
    const text = await createMetrics('1.2.3', 1000).text();
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    expect(types.length).toBeGreaterThan(15);
    for (const [, name = '', type] of types) {
      expect(name).toMatch(/^(ballonet|process)_[a-z][a-z0-9_]*$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|kib|mib|percent|milliseconds)(_|$)/);
      expect(text).toContain(`# HELP ${name} `);
    }
  });
});
