import { describe, expect, it } from 'vitest';
import { type Fields, guestScope } from '../expression/names.ts';
import { findFigure } from './figures.ts';

function dotted(root: string, fields: Fields = {}): string[] {
  return Object.entries(fields).flatMap(([name, below]) =>
    typeof below === 'string' ? [`${root}.${name}`] : dotted(`${root}.${name}`, below),
  );
}

describe('findFigure', () => {
  it('finds the guest with the longest name where names have dots in them', () => {
    const guests = ['db', 'db.example', 'db.example.com'];

    expect(findFigure('db.example.com.used', guests)).toMatchObject({ guest: 'db.example.com' });
    expect(findFigure('db.example.used', guests)).toMatchObject({ guest: 'db.example' });
    expect(findFigure('db.used', guests)).toMatchObject({
      guest: 'db',
      figure: { slot: 'used', unit: 'size' },
    });
  });

  it('knows or explains every name that expressions have', () => {
    const { host, guest } = guestScope([]);
    const names = [...dotted('host', host), ...dotted('web', guest)];
    const unknown = names.filter(name => {
      const found = findFigure(name, ['web']);
      return 'problem' in found && !found.problem.endsWith('cannot be given');
    });

    expect(unknown).toEqual([]);
    expect(names.length).toBeGreaterThan(40);
  });

  it('finds figures of the host by their dotted names', () => {
    expect(findFigure('host.psi.full.avg10', [])).toMatchObject({
      of: 'host',
      figure: { slot: 'psiFullAvg10' },
    });
  });
});
