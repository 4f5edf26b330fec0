/** Metrics, alert rules and dashboard as Prometheus itself reads them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { decisionOf, sampleOf } from '../fakes/samples.ts';
import { tickEventOf } from '../fakes/ticks.ts';
import { requireLab } from './requirements.ts';

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const RULES = file('packaging/prometheus/ballonet.rules.yaml');
const RULE_TESTS = file('packaging/prometheus/ballonet.rules.test.yaml');
const DASHBOARD = file('packaging/grafana/ballonet.json');
const RUNBOOKS = file('docs/runbooks');

const Rules = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          annotations: z.object({ summary: z.string(), runbook_url: z.string() }),
        }),
      ),
    }),
  ),
});
const RuleTests = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })),
    }),
  ),
});
const Dashboard = z.object({
  uid: z.literal('ballonet'),
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      datasource: z.object({ uid: z.string().regex(/^\$\{datasource\}$/) }),
      targets: z.array(z.object({ expr: z.string() })).min(1),
    }),
  ),
  templating: z.object({
    list: z.array(
      z.object({ name: z.string(), query: z.union([z.string(), z.object({ query: z.string() })]) }),
    ),
  }),
  annotations: z.object({ list: z.array(z.object({ expr: z.string() })) }),
});

const rules = Rules.parse(parse(readFileSync(RULES, 'utf8'))).groups.flatMap(group => group.rules);
const dashboard = Dashboard.parse(JSON.parse(readFileSync(DASHBOARD, 'utf8')));
const { kinds } = createMetrics('1.2.3', 0);

/** What Prometheus adds to each series. */
const ADDED = ['job', 'instance'];

/** Labels by the name of a series, those of histograms in their parts. */
const LABELS = new Map(
  kinds.flatMap(({ name, type, labels }): [string, readonly string[]][] => {
    const own = [...labels, ...ADDED];
    if (type !== 'histogram') return [[name, own]];
    return [
      [`${name}_bucket`, [...own, 'le']],
      [`${name}_sum`, own],
      [`${name}_count`, own],
    ];
  }),
);

const SERIES = /\b((?:ballonet|process)_[a-z0-9_]+)(?:\{([^}]*)\})?/g;
const GROUPING = /\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g;

/** Series and labels that an expression names and that no metric has. */
function unknownIn(expression: string): string[] {
  const series = [...expression.matchAll(SERIES)];
  const named = series.flatMap(([, name = '', selectors = '']) => {
    const labels = LABELS.get(name);
    if (labels === undefined) return [name];
    const used = [...selectors.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label);
    return used.filter(label => !labels.includes(label)).map(label => `${name}{${label}}`);
  });
  const there = new Set(series.flatMap(([, name = '']) => LABELS.get(name) ?? []));
  const grouped = [...expression.matchAll(GROUPING)].flatMap(([, list = '']) => list.split(/\s*,\s*/));
  return [...named, ...grouped.filter(label => !there.has(label)).map(label => `by (${label})`)];
}

beforeAll(() => requireLab());

describe('metrics', () => {
  it('are as Prometheus wants them', async () => {
    const metrics = createMetrics('1.2.3', 1000);
    const guest = sampleOf({ name: 'a "guest"\\ with\na name' });
    metrics.noteEngine(tickEventOf([guest], [decisionOf({ name: guest.name })]));
    metrics.noteEngine({
      type: 'tick-failed',
      error: new Error('x'),
      net: { failures: 1, holding: false, goodTicks: 0 },
    });
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await metrics.text(),
      encoding: 'utf8',
    });
    expect([status, stdout + stderr]).toEqual([0, '']);
  });
});

describe('alert rules', () => {
  it('are sound, and each fires and keeps quiet where its tests say', () => {
    expect(
      execFileSync('promtool', ['check', 'rules', '--lint-fatal', RULES], { encoding: 'utf8' }),
    ).toContain(`SUCCESS: ${rules.length} rules found`);
    execFileSync('promtool', ['test', 'rules', RULE_TESTS], { encoding: 'utf8' });
    const cases = RuleTests.parse(parse(readFileSync(RULE_TESTS, 'utf8'))).tests.flatMap(
      test => test.alert_rule_test,
    );
    for (const { alert } of rules) {
      const own = cases
        .filter(({ alertname }) => alertname === alert)
        .map(({ exp_alerts }) => exp_alerts.length > 0);
      expect(new Set(own), alert).toEqual(new Set([true, false]));
    }
  });

  it('name nothing that the daemon does not tell', () => {
    for (const { expr } of rules) expect(unknownIn(expr), expr).toEqual([]);
    expect(unknownIn('sum by (level) (ballonet_nothing{a="b"}) + ballonet_domains{uuid="x"}')).toEqual([
      'ballonet_nothing',
      'ballonet_domains{uuid}',
      'by (level)',
    ]);
  });

  it('have a runbook each, which says what they ask, and no runbook is without its alert', () => {
    expect(readdirSync(RUNBOOKS).toSorted()).toEqual(rules.map(({ alert }) => `${alert}.md`).toSorted());
    for (const { alert, expr, annotations } of rules) {
      expect(annotations.runbook_url).toBe(`docs/runbooks/${alert}.md`);
      const page = readFileSync(join(RUNBOOKS, `${alert}.md`), 'utf8');
      expect(page).toContain(`\n${expr.trim()}\n`);
      for (const title of ['What it means', 'What to look at', 'What to do at 3 a.m.', 'How to roll back'])
        expect(page, alert).toContain(`\n## ${title}\n`);
    }
  });
});

describe('the dashboard', () => {
  const expressions = [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...dashboard.annotations.list.map(({ expr }) => expr),
  ];

  it('asks for nothing that the daemon does not tell, and for nearly all that it tells', () => {
    const queries = dashboard.templating.list.map(({ query }) =>
      typeof query === 'string' ? query : query.query,
    );
    for (const expression of [...expressions, ...queries])
      expect(unknownIn(expression), expression).toEqual([]);
    const text = expressions.join(' ');
    const unseen = kinds.filter(({ name }) => !text.includes(name)).map(({ name }) => name);
    expect(unseen).toEqual([
      'ballonet_build_info',
      'ballonet_safety_hold',
      'ballonet_pool_committed_bytes',
      'ballonet_config_last_reload_successful',
      'process_start_time_seconds',
    ]);
  });

  it('has expressions that Prometheus can read, once its variables are filled in', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ballonet-dashboard-'));
    try {
      const filled = expressions.map((expr, i) => ({
        record: `panel:${i}`,
        expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/"\$[a-z]+"/g, '".*"'),
      }));
      writeFileSync(
        join(folder, 'rules.yaml'),
        JSON.stringify({ groups: [{ name: 'panels', rules: filled }] }),
      );
      const said = execFileSync('promtool', ['check', 'rules', join(folder, 'rules.yaml')], {
        encoding: 'utf8',
      });
      expect(said).toContain(`SUCCESS: ${filled.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has panels with a number each, within its 24 columns, none over another', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});
