import { existsSync, openSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLog } from './log.ts';

describe('the log', () => {
  it.skipIf(!existsSync('/dev/full'))('goes on where its disk is full', () => {
    const log = createLog('info', Object.assign(new PassThrough(), { fd: openSync('/dev/full', 'w') }));
    expect(() => {
      for (let i = 0; i < 3; i++) log.info('a line');
    }).not.toThrow();
  });
});
