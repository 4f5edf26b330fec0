import { describe, expect, it } from 'vitest';
import { GiB } from '../../model/units.ts';
import type { Score } from '../score.ts';
import { summaryOf } from './summary.ts';

function score(controller: string, overrides: Partial<Score> = {}): Score {
  return {
    controller,
    reclaimedGiBHours: 0,
    efficiency: 0,
    hostOverrunSeconds: 0,
    shortageGiBSeconds: 0,
    stalledGuestSeconds: 0,
    oomKills: 0,
    moves: 0,
    movedGiB: 0,
    density: null,
    minHostBytes: null,
    ...overrides,
  };
}

function linesOf(...runs: Score[]): string[] {
  const host = { memoryBytes: 20 * GiB };
  const head = { apiVersion: 'ballonet/v1', kind: 'SimulationReport', scenario: 's', seed: 1 } as const;
  return summaryOf({ ...head, host, guests: 10, seconds: 7200, runs });
}

describe('summaryOf', () => {
  it('begins with who gives back the most without harm, not with who gives back the most', () => {
    const [first = '', ...rest] = linesOf(
      score('killer', { reclaimedGiBHours: 12, oomKills: 3 }),
      score('gentle', { reclaimedGiBHours: 4, efficiency: 0.4 }),
      score('shy', { reclaimedGiBHours: 2 }),
      score('oracle', { reclaimedGiBHours: 20 }),
    );
    expect(first).toMatch(/^gentle .*2\.0 GiB.* 10 % .* 40 % /);
    expect(rest).toHaveLength(2);
    expect(rest[0]).toMatch(/^killer .*6\.0 GiB.*killed 3 times/);
    expect(rest[1]).toMatch(/^shy .*harms nobody/);
  });

  it('says what harm came to, as a share of the guests’ time and in lengths that people say', () => {
    const [none = '', line = '', idle = ''] = linesOf(
      score('rough', { reclaimedGiBHours: 4, stalledGuestSeconds: 720, hostOverrunSeconds: 9000 }),
      score('static', { hostOverrunSeconds: 30 }),
    );
    expect(none).toMatch(/^None/);
    expect(line).toMatch(/12 minutes in all, 1 % .*overrun for 2\.5 hours/);
    expect(idle).toMatch(/nobody.*overrun for 30\.0 s/);
  });

  it('does not praise a controller for a host that needs none', () => {
    expect(linesOf(score('static')).join()).toMatch(/smaller/);
    expect(linesOf(score('idle'), score('static'))[0]).toMatch(/^None/);
  });
});
