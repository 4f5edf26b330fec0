import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { SlowFirst } from './test/slow-first.ts';

/** They load or measure the whole machine. */
const ALONE = ['test/lab/four-scripts.test.ts', 'test/lab/overcommit.test.ts', 'test/lab/soak.test.ts'];

const lab = { globalSetup: 'test/build.ts', testTimeout: 180_000, hookTimeout: 180_000 };

export default defineConfig({
  test: {
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles: ['test/seed.ts'],
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/browser/**', 'node_modules/**'],
          // Nothing is module-mocked, so that files can share what they import: reading it anew for each takes twice as long as the tests.
          isolate: false,
          // Those with daemons mostly wait.
          maxWorkers: Math.max(2, availableParallelism() - 1),
        },
      },
      {
        test: {
          ...lab,
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          exclude: ALONE,
          // A file's guests mostly wait; a boot takes 3 s of one processor.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...lab,
          name: 'lab-alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      // Not part of `npm test`: its outcome is what the recordings and docs/calibration.md are.
      {
        test: {
          name: 'calibrate',
          include: ['test/calibration/*.calibrate.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'browser',
          globalSetup: 'test/build.ts',
          include: ['test/browser/**/*.test.ts'],
          // A browser takes all that there is of a small machine.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
