import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { uuidOf } from '../../../test/fakes/fake-hypervisor.ts';
import { createGuestStalls } from './stalls.ts';

/** A machine with cgroup v2 and QEMUs under systemd, as libvirt 9 names their scopes. */
function machine() {
  const root = mkdtempSync(join(tmpdir(), 'ballonet-stalls-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  cpSync(fileURLToPath(new URL('../../../test/fixtures/host-v2', import.meta.url)), root, {
    recursive: true,
  });
  const folder = (id: number, name: string) =>
    join(root, 'sys/fs/cgroup/machine.slice', `machine-qemu\\x2d${id}\\x2d${name}.scope`);
  return {
    root,
    write: (id: number, name: string, some: number) => {
      mkdirSync(folder(id, name), { recursive: true });
      const line = (kind: string, percent: number) =>
        `${kind} avg10=${percent}.00 avg60=0.00 avg300=0.00 total=1\n`;
      writeFileSync(join(folder(id, name), 'memory.pressure'), line('some', some) + line('full', some / 2));
    },
    end: (id: number, name: string) => rmSync(folder(id, name), { recursive: true }),
  };
}

const domain = (name: string, id: number) => ({ name, id, uuid: uuidOf(name) });

describe('stalls of guests', () => {
  it('are read from the scope of the id, whatever the name, and carry their age', async () => {
    const { root, write } = machine();
    write(3, 'web\\x2d1', 12);
    write(30, 'other', 50);
    const stalls = createGuestStalls(root, true);
    await stalls.refresh([{ ref: domain('web-1', 3) }], 100);

    expect(stalls.of(domain('web-1', 3), 100)).toEqual({
      psiSome: { value: 12, ageSeconds: 0, quality: 'ok' },
      psiFull: { value: 6, ageSeconds: 0, quality: 'ok' },
    });
    expect(stalls.of(domain('web-1', 3), 102).psiSome.ageSeconds).toBe(2);
  });

  it('are absent where there is no scope, on another machine, and for a new start', async () => {
    const { root, write } = machine();
    write(3, 'web', 12);
    const [here, elsewhere] = [createGuestStalls(root, true), createGuestStalls(root, false)];
    for (const stalls of [here, elsewhere])
      await stalls.refresh([{ ref: domain('web', 3) }, { ref: domain('none', 4) }], 100);

    expect(here.of(domain('none', 4), 100).psiSome.quality).toBe('absent');
    expect(elsewhere.of(domain('web', 3), 100).psiSome.quality).toBe('absent');
    expect(here.of(domain('web', 5), 100).psiSome.quality).toBe('absent');
  });

  it('are found again after the guest was started anew, and gone when it has ended', async () => {
    const { root, write, end } = machine();
    write(3, 'web', 12);
    const stalls = createGuestStalls(root, true);
    await stalls.refresh([{ ref: domain('web', 3) }], 100);
    end(3, 'web');
    await stalls.refresh([{ ref: domain('web', 3) }], 101);
    const gone = stalls.of(domain('web', 3), 101);
    write(4, 'web', 20);
    await stalls.refresh([{ ref: domain('web', 4) }], 102);

    expect(gone.psiSome.quality).toBe('absent');
    expect(stalls.of(domain('web', 4), 102).psiSome.value).toBe(20);
  });

  it('of many guests are read by turns', async () => {
    const { root, write } = machine();
    const domains = Array.from({ length: 150 }, (_, i) => domain(`vm-${i}`, i + 1));
    const guests = domains.map(ref => ({ ref }));
    for (const { id, name } of domains) write(id, name, 10);
    const stalls = createGuestStalls(root, true);
    const known = (at: number) => domains.filter(each => stalls.of(each, at).psiSome.value === 10).length;
    const counts: number[] = [];
    for (const at of [100, 101, 102]) {
      await stalls.refresh(guests, at);
      counts.push(known(at));
    }

    expect(counts).toEqual([64, 128, 150]);
  });
});
