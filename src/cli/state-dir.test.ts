import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stateFolder } from './state-dir.ts';

const place = (environment: NodeJS.ProcessEnv, isRoot = false, option?: string) =>
  dirname(stateFolder(option, 'qemu:///system', environment, isRoot));

describe('the folder for state', () => {
  it('is the one asked for, else the unit’s, else the system’s or the user’s own', () => {
    const all = { STATE_DIRECTORY: '/var/lib/unit:/x', XDG_STATE_HOME: '/xdg', HOME: '/home/u' };
    expect(place(all, true, '/asked')).toBe('/asked');
    expect(place(all, true)).toBe('/var/lib/unit');
    expect(place({ ...all, STATE_DIRECTORY: '' }, true)).toBe('/var/lib/ballonet');
    expect(place({ XDG_STATE_HOME: '/xdg', HOME: '/home/u' })).toBe('/xdg/ballonet');
    expect(place({ XDG_STATE_HOME: 'relative', HOME: '/home/u' })).toBe('/home/u/.local/state/ballonet');
    expect(() => place({})).toThrow(expect.objectContaining({ code: 'STATE_UNAVAILABLE' }));
  });

  it('is another one for every hypervisor, with a name of harmless letters', () => {
    const of = (uri: string) => stateFolder('/s', uri, {}, false);
    const uris = [
      'qemu:///system',
      'qemu:///session',
      'qmp:///a/b',
      'qmp:///a-b',
      `qemu:///${'x/'.repeat(99)}`,
    ];
    expect(new Set(uris.map(of)).size).toBe(uris.length);
    for (const uri of uris) expect(of(uri)).toMatch(/^\/s\/[A-Za-z0-9-]{9,41}$/);
  });
});
