import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { startLab } from './lab.ts';
import { until } from './process.ts';

/** Everything on this host that carries the name of a lab: processes, mounts, cgroups, its folder. */
function traces(folder: string): string[] {
  const name = basename(folder);
  const found = existsSync(folder) ? [folder] : [];
  for (const pid of readdirSync('/proc').filter(entry => /^\d+$/.test(entry))) {
    for (const file of ['cmdline', 'mountinfo', 'environ']) {
      if (readProc(pid, file).includes(name)) found.push(`/proc/${pid}/${file} ${readProc(pid, 'cmdline')}`);
    }
  }
  for (const cgroups of ['/sys/fs/cgroup/memory', '/sys/fs/cgroup']) {
    if (existsSync(`${cgroups}/${name}`)) found.push(`${cgroups}/${name}`);
  }
  return found;
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Folders of labs that this process has started. */
function ownFolders(): string[] {
  return readdirSync(tmpdir())
    .filter(entry => entry.startsWith('ballonet-lab-') && existsSync(join(tmpdir(), entry, 'owner')))
    .filter(entry => readFileSync(join(tmpdir(), entry, 'owner'), 'utf8').startsWith(`${process.pid} `));
}

const owners: ChildProcess[] = [];

/** Another process that starts a lab of one guest in a pool, and says where. */
async function startOwner(): Promise<{ owner: ChildProcess; folder: string }> {
  const script = `
    import { runnerImport } from 'vite';
    const { module } = await runnerImport(${JSON.stringify(fileURLToPath(new URL('lab.ts', import.meta.url)))}, { configFile: false });
    const lab = await module.startLab({ guests: [{ memory: '256MiB' }], pool: '1GiB' });
    console.log('folder ' + lab.folder);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', chunk => {
    said += String(chunk);
  });
  owners.push(child);
  const folder = await until('the owner has its lab', 90, () => {
    if (child.exitCode !== null) throw new Error(`the owner ended with ${child.exitCode}`);
    return /^folder (.*)$/m.exec(said)?.[1];
  });
  return { owner: child, folder };
}

describe('the end of a lab', () => {
  afterEach(() => {
    for (const owner of owners.splice(0)) owner.kill('SIGKILL');
  });

  it('leaves no process, mount, cgroup or file when it is closed', async () => {
    const lab = await startLab({ guests: 0, pool: '1GiB' });
    expect(traces(lab.folder).length).toBeGreaterThan(3);
    await lab.close();
    expect(traces(lab.folder)).toEqual([]);
  });

  it('leaves nothing when a guest does not boot in time, and tells what its console says', async () => {
    await expect(startLab({ guests: 1, memory: '128MiB', bootDeadlineSeconds: 1 })).rejects.toThrow(
      /guest1 did not boot/,
    );
    expect(ownFolders()).toEqual([]);
  });

  it('leaves nothing when its owner is killed with SIGKILL while a guest runs', async () => {
    const { owner, folder } = await startOwner();
    expect(traces(folder).some(trace => trace.includes('qemu-system'))).toBe(true);
    owner.kill('SIGKILL');
    await until('nothing is left', 10, () => traces(folder).length === 0);
  });
});
