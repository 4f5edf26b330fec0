import { describe, expect, it } from 'vitest';
import { defaultSocket, socketToAsk } from './socket-path.ts';

const SYSTEM = '/run/ballonet/ballonet.sock';
const XDG = { XDG_RUNTIME_DIR: '/run/user/7' };
const OWN = '/run/user/7/ballonet/ballonet.sock';

describe('the socket of the daemon', () => {
  it('is where systemd says, else where root or the user has it, else nowhere', () => {
    expect(defaultSocket({ RUNTIME_DIRECTORY: '/run/a:/run/b', ...XDG }, true)).toBe('/run/a/ballonet.sock');
    expect(defaultSocket(XDG, true)).toBe(SYSTEM);
    expect(defaultSocket(XDG, false)).toBe(OWN);
    expect(defaultSocket({}, false)).toBeUndefined();
    expect(defaultSocket({ XDG_RUNTIME_DIR: 'relative' }, false)).toBeUndefined();
    expect(defaultSocket({ HOME: '/home/a' }, false)).toBe('/home/a/.local/state/ballonet/ballonet.sock');
    expect(defaultSocket({ HOME: '/home/a', ...XDG }, false)).toBe(OWN);
  });

  it("is asked for at the host's place, and at the user's own when only that is there", () => {
    expect(socketToAsk('/a', XDG, () => true)).toBe('/a');
    expect(socketToAsk(undefined, XDG, () => true)).toBe(SYSTEM);
    expect(socketToAsk(undefined, XDG, path => path === OWN)).toBe(OWN);
    expect(socketToAsk(undefined, XDG, () => false)).toBe(SYSTEM);
    expect(socketToAsk(undefined, {}, () => false)).toBe(SYSTEM);
  });
});
