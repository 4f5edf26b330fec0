import { describe, expect, it } from 'vitest';
import { hostPolicyFiles } from '../../cli/policy-files.ts';
import { isBallonetError } from '../../model/errors.ts';
import { compileReading, type PolicyReading, readPolicyFiles } from '../../policy/load.ts';
import { type Setting, settingIn, withSettings } from './settings.ts';

const DENSE = readPolicyFiles(['policies/dense.yaml'], hostPolicyFiles);

function textOf({ sources }: PolicyReading): string {
  return sources
    .map(({ content }) => (typeof content === 'string' ? content : new TextDecoder().decode(content)))
    .join('');
}

function codeOf(settings: readonly Setting[]): unknown {
  try {
    withSettings(DENSE, settings);
    return 'none';
  } catch (error) {
    return isBallonetError(error) ? error.code : error;
  }
}

describe('withSettings', () => {
  it('replaces the values and leaves every other letter as it was', () => {
    const window = settingIn(DENSE, 'guest.estimate.window');
    const text = textOf(withSettings(DENSE, [{ path: 'guest.estimate.window', value: '77s' }]));
    expect(text).toBe(textOf(DENSE).replace(`window: ${window}`, 'window: 77s'));
  });

  it('makes a set of which the compiler reads the new values', () => {
    const { set } = compileReading(
      withSettings(DENSE, [
        { path: 'host.reserve.percent', value: '3' },
        { path: 'guest/dense.behavior.shrink.cooldown', value: '7s' },
      ]),
    );
    expect(set?.host.reserve).toMatchObject({ ratio: 0.03 });
    expect(set?.guests[0]?.shrink.cooldownSeconds).toBe(7);
  });

  it('finds the items of a list by their name', () => {
    const settings = [{ path: 'guest.vetoes.booting.when', value: 'guest.uptime < 5' }];
    expect(settingIn(withSettings(DENSE, settings), 'guest.vetoes.booting.when')).toBe('guest.uptime < 5');
  });

  it('keeps quotes, which tell an expression from a number', () => {
    const content = new TextEncoder().encode('kind: GuestPolicy\nspec:\n  target: "2.0"\n');
    const files = ['a.yaml'];
    const reading = { paths: files, files, sources: [{ file: 'a.yaml', content }], unreadable: [] };
    expect(textOf(withSettings(reading, [{ path: 'guest.target', value: '3.0' }]))).toContain(
      'target: "3.0"\n',
    );
  });

  it.each([
    ['guest.estimate.windw', 'a field that is not there'],
    ['guest/other.estimate.window', 'a policy that is not there'],
    ['estimate.window', 'a path that does not say whose field it is'],
    ['guest.behavior', 'a block of fields'],
  ])('refuses %s: %s', path => {
    expect(codeOf([{ path, value: '1s' }])).toBe('USAGE');
  });
});
