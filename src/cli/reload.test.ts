import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BehaviorSubject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CollectorSettings } from '../collectors/snapshot.ts';
import type { Notice } from '../model/notice.ts';
import { compileReading, readPolicyFiles, requirePolicySet } from '../policy/load.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { createReloader, inForce } from './reload.ts';

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
function daemon(spec: string, { dryRun = false, observing = false } = {}) {
  const file = join(folder, 'host.yaml');
  const write = (text: string) => writeFileSync(file, text);
  write(policy(spec));
  const reading = readPolicyFiles([file], hostPolicyFiles);
  const running = new BehaviorSubject(inForce(requirePolicySet(compileReading(reading)), dryRun));
  const configured: CollectorSettings[] = [];
  const told: Notice[] = [];
  const { reload, reloadIfChanged } = createReloader(
    {
      ...{ paths: [file], files: hostPolicyFiles, dryRun, observing, running },
      collector: { configure: settings => configured.push(settings) },
      tell: notice => told.push(notice),
      wall: () => Date.parse('2026-06-01T00:00:00Z') / 1000,
    },
    reading,
  );
  const remove = () => rmSync(file);
  return { write, remove, running, configured, told, reload, reloadIfChanged };
}

const REFUSED = expect.objectContaining({ type: 'RELOAD_REFUSED' });
const RELOADED = expect.objectContaining({ type: 'POLICIES_RELOADED' });

describe('reload', () => {
  it('puts the new set in force, and tells the collector what changes for it', () => {
    const { write, running, configured, told, reload } = daemon('mode: enforce, interval: 1s');
    write(policy('mode: enforce, interval: 2s, memory: 4GiB'));
    reload();
    expect(running.value.host.intervalSeconds).toBe(2);
    expect(configured).toMatchObject([{ intervalSeconds: 2, pool: { kind: 'size' } }]);
    expect(told).toMatchObject([{ type: 'POLICIES_RELOADED', fields: { policy: 'host', mode: 'enforce' } }]);
  });

  it.each([
    ['a typo', policy('intervall: 2s'), 'POLICY_INVALID'],
    ['text that is no YAML', '{', 'POLICY_INVALID'],
    ['nothing at all', '', 'POLICY_INVALID'],
  ])('leaves the old set in force on %s, and says so once', (_, text, code) => {
    const { write, running, configured, told, reload } = daemon('mode: enforce');
    const before = running.value;
    write(text);
    expect(reload).toThrow(expect.objectContaining({ code }));
    expect(running.value).toBe(before);
    expect(configured).toEqual([]);
    expect(told).toMatchObject([{ type: 'RELOAD_REFUSED', fields: { code } }]);
  });

  it('stays a dry run whatever mode the new set has', () => {
    const { write, running, reload } = daemon('mode: observe', { dryRun: true, observing: true });
    write(policy('mode: enforce, interval: 2s'));
    reload();
    expect(running.value.host).toMatchObject({ mode: 'observe', intervalSeconds: 2 });
  });

  it('lets a daemon that moves stop moving, and begin again', () => {
    const { write, running, reload } = daemon('mode: enforce');
    write(policy('mode: observe'));
    reload();
    expect(running.value.host.mode).toBe('observe');
    write(policy('mode: enforce'));
    reload();
    expect(running.value.host.mode).toBe('enforce');
  });

  it('refuses to let one move that was opened to look only', () => {
    const { write, running, told, reload } = daemon('mode: observe', { observing: true });
    write(policy('mode: enforce'));
    expect(reload).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(running.value.host.mode).toBe('observe');
    expect(told).toEqual([REFUSED]);
  });

  it('tells of what is allowed and hardly meant, with its place', () => {
    const { write, told, reload } = daemon('mode: enforce');
    write(
      `${policy('mode: enforce')}---\napiVersion: ballonet/v1\nkind: GuestPolicy\nmetadata: {name: all}\nspec: {match: {}, target: guest.current * 0.5, behavior: {shrink: {at: [none]}}}\n`,
    );
    reload();
    expect(told.map(({ type, fields }) => fields?.code ?? type)).toEqual([
      'POLICIES_RELOADED',
      'LINT_NO_VETO',
      'LINT_UNSTABLE',
    ]);
    expect(told[1]?.fields?.place).toMatch(/host.yaml:8:\d+$/);
  });
});

describe('reload where files may have changed', () => {
  it('does and says nothing where they have not', () => {
    const { write, running, told, reloadIfChanged } = daemon('mode: enforce');
    const before = running.value;
    for (let save = 0; save < 100; save++) {
      write(policy('mode: enforce'));
      reloadIfChanged();
    }
    expect(running.value).toBe(before);
    expect(told).toEqual([]);
  });

  it('refuses a bad set once, however often it is saved', () => {
    const { write, told, reloadIfChanged } = daemon('mode: enforce');
    write('{');
    expect(reloadIfChanged).toThrow();
    for (let save = 0; save < 10; save++) {
      write('{');
      reloadIfChanged();
    }
    expect(told).toEqual([REFUSED]);
  });

  it('takes the set up when it is mended, also back to what is in force', () => {
    const { write, told, reloadIfChanged } = daemon('mode: enforce');
    write('{');
    expect(reloadIfChanged).toThrow();
    write(policy('mode: enforce'));
    reloadIfChanged();
    expect(told).toEqual([REFUSED, RELOADED]);
  });

  it('keeps the set of a file that is gone', () => {
    const { remove, running, told, reloadIfChanged } = daemon('mode: enforce');
    const before = running.value;
    remove();
    expect(reloadIfChanged).toThrow(expect.objectContaining({ code: 'POLICY_UNREADABLE' }));
    reloadIfChanged();
    expect(running.value).toBe(before);
    expect(told).toEqual([REFUSED]);
  });
});
