import { describe, expect, it } from 'vitest';
import { findFigure } from './figures.ts';

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

  it('finds figures of the host by their dotted names', () => {
    expect(findFigure('host.psi.full.avg10', [])).toMatchObject({
      of: 'host',
      figure: { slot: 'psiFullAvg10' },
    });
  });
});
