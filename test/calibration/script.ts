/** What is played to real guests and to the model alike: demand of programs, reads of a file, sizes that the host asks for. */
import { type Bytes, MiB, type Seconds } from '../../src/model/units.ts';

/** One thing that happens; exactly one of the keys beside `at`. */
export type Step = { readonly at: Seconds } & (
  | { readonly take: Bytes /** Bytes a second; at full speed unless told. */; readonly rate?: Bytes }
  | { readonly free: Bytes | 'all' }
  /** Touches all that is held, once. */
  | { readonly touch: true }
  /** Touches so many pages a second from now on. */
  | { readonly work: number }
  /** Reads the file from its beginning to its end. */
  | { readonly read: true }
  | { readonly size: Bytes }
);

export interface CalibrationScript {
  readonly name: string;
  readonly about: string;
  readonly memory: Bytes;
  readonly swap: Bytes;
  /** Length of the file that is read. */
  readonly file: Bytes;
  readonly autodeflate?: boolean;
  readonly freePageReporting?: boolean;
  readonly touched?: boolean;
  readonly seconds: Seconds;
  /** Not fitted to: it shows what the fit is worth on something new. */
  readonly heldOut?: true;
  readonly steps: readonly Step[];
}

export const SCRIPTS: readonly CalibrationScript[] = [
  {
    name: 'balloon',
    about: 'inflation in free memory, into the page cache and into swap, and back',
    memory: 512 * MiB,
    swap: 512 * MiB,
    file: 200 * MiB,
    seconds: 165,
    steps: [
      { at: 5, size: 400 * MiB },
      { at: 12, size: 512 * MiB },
      { at: 17, take: 200 * MiB, rate: 40 * MiB },
      { at: 27, free: 100 * MiB },
      { at: 31, take: 100 * MiB },
      { at: 38, free: 'all' },
      { at: 42, read: true },
      { at: 52, size: 260 * MiB },
      { at: 64, read: true },
      { at: 74, size: 512 * MiB },
      { at: 80, read: true },
      { at: 90, take: 180 * MiB, rate: 40 * MiB },
      { at: 100, size: 300 * MiB },
      { at: 112, size: 200 * MiB },
      { at: 126, touch: true },
      { at: 136, size: 512 * MiB },
      { at: 142, touch: true },
      { at: 150, free: 'all' },
      { at: 155, size: 300 * MiB },
    ],
  },
  {
    name: 'demand',
    about:
      'demand that rises and falls while all that is held is touched over and over, on a size that follows',
    memory: 768 * MiB,
    swap: 512 * MiB,
    file: 128 * MiB,
    touched: true,
    seconds: 165,
    steps: [
      { at: 2, work: 4000 },
      { at: 4, size: 384 * MiB },
      { at: 12, take: 150 * MiB, rate: 30 * MiB },
      { at: 22, read: true },
      { at: 30, take: 100 * MiB, rate: 50 * MiB },
      { at: 36, size: 512 * MiB },
      { at: 44, free: 150 * MiB },
      { at: 50, size: 256 * MiB },
      { at: 60, take: 200 * MiB, rate: 20 * MiB },
      { at: 76, size: 420 * MiB },
      { at: 86, size: 768 * MiB },
      { at: 96, free: 'all' },
      { at: 100, read: true },
      { at: 108, size: 300 * MiB },
      { at: 116, take: 250 * MiB },
      { at: 128, size: 500 * MiB },
      { at: 140, free: 200 * MiB },
      { at: 148, size: 280 * MiB },
      { at: 156, read: true },
    ],
  },
  {
    name: 'reporting',
    about: 'a guest that reports its free pages: what it frees leaves the host without a balloon',
    memory: 384 * MiB,
    swap: 256 * MiB,
    file: 100 * MiB,
    freePageReporting: true,
    seconds: 75,
    steps: [
      { at: 4, take: 200 * MiB, rate: 50 * MiB },
      { at: 14, free: 120 * MiB },
      { at: 24, take: 150 * MiB },
      { at: 32, free: 'all' },
      { at: 42, read: true },
      { at: 50, size: 250 * MiB },
      { at: 58, take: 150 * MiB, rate: 50 * MiB },
      { at: 66, size: 384 * MiB },
    ],
  },
  {
    name: 'huge',
    about: 'huge pages of what the balloon gave back',
    memory: 768 * MiB,
    swap: 256 * MiB,
    file: 64 * MiB,
    seconds: 62,
    steps: [
      { at: 3, take: 300 * MiB, rate: 100 * MiB },
      { at: 9, read: true },
      { at: 12, size: 420 * MiB },
      { at: 17, free: 200 * MiB },
      { at: 20, size: 768 * MiB },
      { at: 24, take: 350 * MiB },
      { at: 30, free: 'all' },
      { at: 33, size: 400 * MiB },
      { at: 38, take: 260 * MiB },
      { at: 43, free: 'all' },
      { at: 46, size: 700 * MiB },
      { at: 50, take: 400 * MiB },
      { at: 56, free: 'all' },
    ],
  },
  {
    name: 'squeeze',
    about: 'a lot of huge pages driven out, at once and in two goes, touched again and worked on',
    memory: 896 * MiB,
    swap: 768 * MiB,
    file: 96 * MiB,
    seconds: 146,
    steps: [
      { at: 3, take: 500 * MiB },
      { at: 9, size: 520 * MiB },
      { at: 19, size: 400 * MiB },
      { at: 30, size: 896 * MiB },
      { at: 35, touch: true },
      { at: 48, free: 'all' },
      { at: 51, take: 450 * MiB },
      { at: 57, size: 330 * MiB },
      { at: 70, work: 3000 },
      { at: 82, size: 480 * MiB },
      { at: 94, free: 150 * MiB },
      { at: 99, read: true },
      { at: 106, size: 300 * MiB },
      { at: 118, touch: true },
      { at: 134, free: 'all' },
      { at: 138, size: 896 * MiB },
    ],
  },
  {
    name: 'held-out',
    about: 'another size, other orders: nothing was fitted to it',
    memory: 1024 * MiB,
    swap: 512 * MiB,
    file: 300 * MiB,
    heldOut: true,
    seconds: 140,
    steps: [
      { at: 4, take: 300 * MiB, rate: 60 * MiB },
      { at: 12, read: true },
      { at: 18, size: 600 * MiB },
      { at: 28, work: 2000 },
      { at: 34, size: 420 * MiB },
      { at: 50, free: 120 * MiB },
      { at: 58, take: 220 * MiB, rate: 30 * MiB },
      { at: 72, size: 800 * MiB },
      { at: 92, read: true },
      { at: 98, size: 500 * MiB },
      { at: 112, free: 'all' },
      { at: 116, size: 1024 * MiB },
      { at: 122, take: 500 * MiB },
      { at: 132, size: 700 * MiB },
    ],
  },
  {
    name: 'unseen',
    about: 'a third size: cache, demand that swaps, huge pages, recorded after an earlier model was done',
    memory: 640 * MiB,
    swap: 640 * MiB,
    file: 180 * MiB,
    heldOut: true,
    seconds: 150,
    steps: [
      { at: 3, read: true },
      { at: 8, take: 260 * MiB, rate: 80 * MiB },
      { at: 14, size: 440 * MiB },
      { at: 22, work: 3000 },
      { at: 26, size: 330 * MiB },
      { at: 38, take: 120 * MiB, rate: 30 * MiB },
      { at: 48, size: 560 * MiB },
      { at: 60, free: 180 * MiB },
      { at: 66, read: true },
      { at: 74, size: 300 * MiB },
      { at: 86, touch: true },
      { at: 94, free: 'all' },
      { at: 98, size: 640 * MiB },
      { at: 103, take: 420 * MiB },
      { at: 112, size: 360 * MiB },
      { at: 126, size: 600 * MiB },
      { at: 136, free: 200 * MiB },
      { at: 142, size: 350 * MiB },
    ],
  },
  {
    name: 'blind',
    about: 'a fourth size: little and much touched, files read in between, squeezes of both',
    memory: 832 * MiB,
    swap: 512 * MiB,
    file: 240 * MiB,
    heldOut: true,
    seconds: 150,
    steps: [
      { at: 3, take: 180 * MiB, rate: 60 * MiB },
      { at: 8, work: 1000 },
      { at: 12, read: true },
      { at: 18, take: 220 * MiB },
      { at: 24, size: 560 * MiB },
      { at: 36, read: true },
      { at: 44, size: 430 * MiB },
      { at: 58, free: 140 * MiB },
      { at: 64, take: 90 * MiB, rate: 15 * MiB },
      { at: 76, size: 700 * MiB },
      { at: 84, work: 5000 },
      { at: 96, read: true },
      { at: 104, size: 380 * MiB },
      { at: 116, touch: true },
      { at: 126, size: 832 * MiB },
      { at: 134, free: 'all' },
      { at: 138, read: true },
      { at: 142, size: 300 * MiB },
    ],
  },
];
