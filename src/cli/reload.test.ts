import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { BehaviorSubject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Collector, CollectorSettings } from '../collectors/snapshot.ts';
import { loadPolicySet, requirePolicySet } from '../policy/load.ts';
import { createLog } from '../telemetry/log.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { inForce, reloadPolicies } from './reload.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-reload-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const policy = (spec: string) =>
  `apiVersion: ballonet/v1\nkind: HostPolicy\nmetadata: {name: host}\nspec: {${spec}}\n`;

/** A daemon's policies in force from a file that a test rewrites. */
function daemon(spec: string, dryRun = false) {
  const file = join(folder, 'host.yaml');
  const write = (text: string) => writeFileSync(file, text);
  write(policy(spec));
  const load = () => inForce(requirePolicySet(loadPolicySet([file], hostPolicyFiles)), dryRun);
  const running = new BehaviorSubject(load());
  const configured: CollectorSettings[] = [];
  const lines: unknown[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const collector = {
    configure: (settings: CollectorSettings) => configured.push(settings),
  } as unknown as Collector;
  const reload = () =>
    reloadPolicies({ paths: [file], dryRun, running, collector, log: createLog('info', sink) });
  return { write, running, configured, lines, reload };
}

describe('reload', () => {
  it('puts the new set in force, and tells the collector what changes for it', () => {
    const { write, running, configured, lines, reload } = daemon('mode: enforce, interval: 1s');
    write(policy('mode: enforce, interval: 2s, memory: 4GiB'));
    reload();
    expect(running.value.host.intervalSeconds).toBe(2);
    expect(configured).toMatchObject([{ intervalSeconds: 2, pool: { kind: 'size' } }]);
    expect(lines).toMatchObject([{ msg: 'policies reloaded' }]);
  });

  it.each([
    ['a typo', policy('intervall: 2s'), 'POLICY_INVALID'],
    ['text that is no YAML', '{', 'POLICY_INVALID'],
    ['another mode, which has other rights', policy('mode: observe'), 'CONFIG_INVALID'],
  ])('leaves the old set in force on %s, and says so once', (_, text, code) => {
    const { write, running, configured, lines, reload } = daemon('mode: enforce');
    const before = running.value;
    write(text);
    reload();
    expect(running.value).toBe(before);
    expect(configured).toEqual([]);
    expect(lines).toMatchObject([
      { level: 50, code, msg: 'reload refused: the running policies stay in force' },
    ]);
  });

  it('stays a dry run whatever mode the new set has', () => {
    const { write, running, reload } = daemon('mode: observe', true);
    write(policy('mode: enforce, interval: 2s'));
    reload();
    expect(running.value.host).toMatchObject({ mode: 'observe', intervalSeconds: 2 });
  });
});
