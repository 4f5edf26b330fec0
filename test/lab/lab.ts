import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Bytes, parseSize, type Seconds } from '../../src/model/units.ts';
import { defineGuest, type Guest } from './guest.ts';
import { buildInitramfs } from './initramfs.ts';
import { cacheFolder, fetchKernel } from './kernel.ts';
import {
  abilitiesFolder,
  createLibvirtd,
  installWrapper,
  keepAbilities,
  type Libvirtd,
  layOut,
} from './libvirtd.ts';
import { type CgroupPool, cgroupPool } from './pool.ts';
import { run, startTime } from './process.ts';
import { requireLab } from './requirements.ts';
import { openRoom } from './room.ts';

const PREFIX = 'ballonet-lab-';

export interface GuestOptions {
  /** `guest1`, `guest2`, … unless told. */
  readonly name?: string;
  /** Size of the guest, such as `512MiB` (the default). */
  readonly memory?: string;
  /** Size of a swap disk; none unless told. */
  readonly swap?: string;
  /** Size of a swap device that is compressed memory of the guest; none unless told. */
  readonly zram?: string;
  /** Size of a data disk for the agent's `cache`; none unless told. */
  readonly disk?: string;
  /** `<stats period>` of the domain. None unless told: then nobody asks the guest for fresh statistics. */
  readonly statsPeriod?: Seconds;
  readonly autodeflate?: boolean;
  readonly freePageReporting?: boolean;
  /** False leaves out the balloon device. */
  readonly balloon?: boolean;
  /** The guest touches all its memory once, as one that has been up for days has. */
  readonly touched?: boolean;
}

export interface LabOptions extends Omit<GuestOptions, 'name'> {
  /** How many guests, or each with what it has of its own. */
  readonly guests: number | readonly GuestOptions[];
  /** Software emulation unless told: a /dev/kvm that opens may still be unable to boot a guest. */
  readonly accelerator?: 'tcg' | 'kvm';
  /** Size of a memory cgroup that all the guests' QEMUs live in. */
  readonly pool?: string;
  /** 150 s unless told: a boot takes 3 s of one processor, and tests may have to share few. */
  readonly bootDeadlineSeconds?: Seconds;
}

/** Real guests under a libvirtd of their own. */
export interface Lab extends AsyncDisposable {
  /** For virsh, python3-libvirt and Ballonet: libvirtd's read-write socket. */
  readonly uri: string;
  readonly readOnlyUri: string;
  readonly socket: string;
  readonly readOnlySocket: string;
  /** A folder that lives as long as the lab. */
  readonly folder: string;
  readonly guests: readonly Guest[];
  /** The guest of this index; an error if there is none. */
  guest(index: number): Guest;
  readonly libvirtd: Libvirtd;
  readonly pool: CgroupPool | undefined;
  /** Runs virsh on the lab's libvirtd and gives its stdout. */
  virsh(...args: string[]): Promise<string>;
  /** Runs a Python 3 script that can import libvirt; `sys.argv[1]` is the lab's URI. Gives its stdout. */
  python(script: string): Promise<string>;
  close(): Promise<void>;
}

/**
 * Boots guests. Needs the packages of `.ci/apt-packages`; the first use downloads the guest kernel into a cache.
 *
 * All that it starts ends with `close()`, at the end of an `await using` block, or when this process ends, however it
 * ends: `room.sh` waits for that.
 *
 * @throws Error that says what is missing, or what a guest that does not boot wrote on its console.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  requireLab();
  const cache = cacheFolder();
  await sweep();
  const kernel = await fetchKernel(cache);
  const initramfs = await buildInitramfs(cache, kernel);
  const wrapper = await installWrapper(cache);
  const abilities = await abilitiesFolder(cache, wrapper);

  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  await writeFile(join(folder, 'owner'), `${process.pid} ${startTime(process.pid)}`);
  await chmod(folder, 0o755); // the read-only socket is for every user
  await layOut(folder, abilities);
  const room = await openRoom(folder, wrapper).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });

  const socket = join(folder, 'run/libvirt-sock');
  const readOnlySocket = `${socket}-ro`;
  const uri = `qemu+unix:///system?socket=${socket}`;
  const virsh = (...args: string[]) => run('virsh', ['-q', '-c', uri, ...args]);
  const libvirtd = createLibvirtd(room, folder, uri);
  const guests: Guest[] = [];

  async function close(): Promise<void> {
    for (const guest of guests) guest.disconnect();
    await room.close();
  }

  try {
    const pool =
      options.pool === undefined ? undefined : await cgroupPool(basename(folder), size(options.pool));
    if (pool) await writeFile(join(folder, 'pool'), pool.path);
    await libvirtd.start();
    const wanted =
      typeof options.guests === 'number' ? Array<GuestOptions>(options.guests).fill({}) : options.guests;
    const { guests: _, ...shared } = options;
    for (const [index, own] of wanted.entries()) {
      const { memory = '512MiB', swap, zram, disk, balloon = true, ...rest } = { ...shared, ...own };
      const spec = {
        name: own.name ?? `guest${index + 1}`,
        uuid: randomUUID(),
        memory: size(memory),
        swap: swap === undefined ? undefined : size(swap),
        zram: zram === undefined ? undefined : size(zram),
        disk: disk === undefined ? undefined : size(disk),
        accelerator: options.accelerator ?? 'tcg',
        balloon: balloon
          ? {
              statsPeriod: rest.statsPeriod,
              autodeflate: rest.autodeflate ?? false,
              freePageReporting: rest.freePageReporting ?? false,
            }
          : undefined,
        kernel: kernel.image,
        initramfs,
        bootDeadlineSeconds: options.bootDeadlineSeconds ?? 150,
      } as const;
      guests.push(await defineGuest(spec, { folder, virsh, hostPid: pid => room.hostPid(pid) }));
    }
    await Promise.all(
      guests.map(async (guest, index) => {
        await guest.start();
        if (wanted[index]?.touched ?? options.touched) await guest.touchAll();
      }),
    );
    await keepAbilities(folder, abilities);
    return {
      uri,
      readOnlyUri: `qemu+unix:///system?socket=${readOnlySocket}`,
      socket,
      readOnlySocket,
      folder,
      guests,
      guest(index) {
        const guest = guests[index];
        if (!guest) throw new Error(`The lab has ${guests.length} guests, none of index ${index}.`);
        return guest;
      },
      libvirtd,
      pool,
      virsh,
      python: script => run('/usr/bin/python3', ['-c', script, uri]),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function size(text: string): Bytes {
  const parsed = parseSize(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

/** Removes folders whose lab is dead and whose room was killed before it could tidy up. */
async function sweep(): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), entry);
    const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => undefined);
    const written = await stat(join(folder, 'owner')).catch(() => undefined);
    if (owner === undefined || written === undefined || Date.now() - written.mtimeMs < 60_000) continue;
    const [pid, started] = owner.split(' ');
    if (startTime(Number(pid)) !== started) await rm(folder, { recursive: true, force: true });
  }
}
