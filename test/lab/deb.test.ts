/** The Debian package on a machine with systemd, libvirt and polkit: installed, started, upgraded, removed and purged. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Machine, startMachine } from './machine.ts';
import { run } from './process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAN = join(ROOT, 'packaging/man');
const CONFIG = '/etc/ballonet/ballonet.yaml';
const POLICY = '/etc/ballonet/policies/standard.yaml';

/** A guest that never leaves its firmware: its balloon can be moved, and nobody in it follows. */
const GUEST = `<domain type='qemu'><name>web-1</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<memballoon model='virtio'/></devices></domain>`;

describe('the Debian package', { timeout: 120_000 }, () => {
  let folder: string;
  let machine: Machine;
  let lintian: Promise<string>;
  let dpkg: string;

  const on = (script: string) => machine.sh(script);
  /** The exit code of virsh, as the daemon's user. */
  const virsh = async (args: string) =>
    (
      await machine.try(
        `setpriv --reuid ballonet --regid ballonet --init-groups virsh -c qemu:///system ${args}`,
      )
    ).code;
  const daemon = (property: string) => on(`systemctl show --value -p ${property} ballonet`);
  const balloon = () => on("virsh -q dommemstat web-1 | grep '^actual'");

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ballonet-deb-'));
    const options = { deadlineSeconds: 300 };
    const file = (await run(process.execPath, [join(ROOT, 'scripts/deb.mjs'), folder], options)).trim();
    lintian = run('lintian', ['--allow-root', '--display-info', '--fail-on', 'none', file], options);
    lintian.catch(() => {});
    const later = await laterVersion(file, folder);
    machine = await startMachine({ 'ballonet.deb': file, 'later.deb': later });
    // Where node is no package of this machine's, dpkg cannot know that it is there.
    const { code } = await machine.try('dpkg-query -W nodejs');
    dpkg = code === 0 ? 'dpkg' : 'dpkg --force-depends';
    await on(`[ -e /usr/bin/node ] || ln -s ${process.execPath} /usr/bin/node`);
    await writeGuest();
  }, 400_000);

  afterAll(async () => {
    await machine?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Under a libvirtd as Debian sets it up, but for asking polkit about each call. */
  async function writeGuest(): Promise<void> {
    await on(`echo 'access_drivers = [ "polkit" ]' >>/etc/libvirt/libvirtd.conf
systemctl start libvirtd.socket libvirtd-ro.socket
cat >/mnt/guest.xml <<'END'
${GUEST}
END
virsh -q create /mnt/guest.xml`);
  }

  it('has nothing that lintian finds', async () => {
    expect(await lintian).toBe('');
  });

  it('says what it is made of', async () => {
    await on('dpkg-deb -x /mnt/deb/ballonet.deb /tmp/laid-out');
    const bill = JSON.parse(await on('cat /tmp/laid-out/usr/share/ballonet/sbom.cdx.json'));
    const named = bill.components.map(
      ({ name }: { name: string }) => `/usr/lib/ballonet/node_modules/${name}`,
    );
    expect(named.length).toBeGreaterThan(20);
    expect(
      await on(
        `cd /tmp/laid-out && ls -d ${named.map((path: string) => `.${path}`).join(' ')} | sort -u | wc -l`,
      ),
    ).toBe(`${new Set(named).size}\n`);
    await on('rm -r /tmp/laid-out');
  });

  it('has manual pages that mandoc finds nothing in', async () => {
    const pages = (await readdir(MAN)).map(name => join(MAN, name));
    expect(await run('mandoc', ['-Tlint', ...pages])).toBe('');
  });

  it('is installed, and its daemon observes a guest and explains it, with no right to move it', async () => {
    const before = await balloon();
    await on(`${dpkg} -i /mnt/deb/ballonet.deb`);
    expect(await on('systemctl is-active ballonet; systemctl is-enabled ballonet')).toBe('active\nenabled\n');
    expect(JSON.parse(await on('ballonet status -o json'))).toMatchObject({ mode: 'observe' });
    expect(await on('ballonet explain web-1')).toMatch(/^web-1 stays at 64MiB: STATS_ABSENT\n/);
    expect(await balloon()).toBe(before);
    expect(await on('stat -c "%U:%G %a" /run/ballonet/ballonet.sock /var/lib/ballonet')).toBe(
      'ballonet:ballonet 660\nballonet:ballonet 700\n',
    );
  });

  it('brings a command, policies that are right, pages, completions and a schema', async () => {
    expect(await on('ballonet --version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    const checked = await on('ballonet check /etc/ballonet');
    expect(checked).toContain('/etc/ballonet/ballonet.yaml: ok');
    expect(checked).toContain('ok (1 host policy, 1 guest policy)');
    await on('ballonet test /usr/share/ballonet/policies/standard.test.yaml');
    await on('man -w ballonet && man -w ballonet-policy');
    await on(
      'test -s /usr/share/bash-completion/completions/ballonet -a -s /usr/share/zsh/vendor-completions/_ballonet',
    );
    expect(JSON.parse(await on('cat /usr/share/ballonet/ballonet.schema.json'))).toHaveProperty('$schema');
    await on(
      'cd /usr/lib/ballonet/dist/console && test -s index.html && test -s /usr/share/ballonet/grafana/ballonet.json',
    );
  });

  it('has a unit that systemd finds nothing wrong with, and shut in', async () => {
    expect(await on('systemd-analyze verify ballonet.service')).toBe('');
    // 0 is the best, 10 the worst; what it lacks is a node without just-in-time compiler, and no network at all.
    await on('systemd-analyze security --threshold=25 --no-pager ballonet.service >/dev/null');
  });

  it.each([
    ['list', 'list'],
    ['the statistics of a guest', 'dommemstat web-1'],
    ['the period of its statistics', 'dommemstat web-1 --period 7 --live'],
    ['its balloon', 'setmem web-1 60M --live'],
    ['an element of its metadata', "metadata web-1 urn:x --live --key x --set '<a/>'"],
  ])('lets its user at %s', async (_, args) => {
    expect(await virsh(args)).toBe(0);
  });

  it.each([
    ['the size that a guest boots with', 'setmem web-1 64M --config'],
    ['stopping a guest', 'destroy web-1'],
    ['halting a guest', 'suspend web-1'],
    ['resetting a guest', 'reset web-1'],
    ['a new guest', 'define /mnt/guest.xml'],
    ["the host's storage", 'pool-define-as x dir --target /mnt'],
  ])('keeps its user from %s', async (_, args) => {
    expect(await virsh(args)).toBe(1);
  });

  it('enforces when it is told to, with what polkit lets it do', async () => {
    await on(`virsh -q dommemstat web-1 --period 0 --live
sed -i 's/^  mode: observe.*/  mode: enforce/' ${POLICY}
systemctl restart ballonet`);
    expect(JSON.parse(await on('ballonet status -o json'))).toMatchObject({ mode: 'enforce' });
    expect(await on('virsh dumpxml web-1')).toContain("<stats period='1'/>");
  });

  it('H33: gives guests their memory back when its daemon is killed, and starts it anew', async () => {
    // What cannot be read may have been about any guest. It is written while the daemon cannot.
    await on(`systemctl kill --kill-whom=main --signal=STOP ballonet
echo 'half a sta' >$(ls /var/lib/ballonet/*/state.json)
systemctl kill --kill-whom=main --signal=KILL ballonet`);
    await expect.poll(() => daemon('NRestarts'), { timeout: 60_000, interval: 500 }).toBe('1\n');
    const told = await on('journalctl -u ballonet -o cat');
    expect(told).toMatch(/^web-1 {2}(released to|has all of its) 64MiB$/m);
    // What systemd says of an ExecStopPost that fails.
    expect(told).not.toContain('Control process exited');
    await expect.poll(() => daemon('ActiveState'), { timeout: 60_000, interval: 500 }).toBe('active\n');
  });

  it.each([
    ['a configuration', CONFIG],
    ['policies', POLICY],
  ])('refuses %s of another version with the fix, does not try again, and moves nobody', async (_, file) => {
    const before = await balloon();
    const { code } = await machine.try(
      `sed -i 's#ballonet/v1#ballonet/v0#' ${file}; systemctl restart ballonet`,
    );
    expect(code).toBe(1);
    expect(await daemon('ExecMainStatus')).toBe('78\n');
    expect(await daemon('ActiveState')).toBe('failed\n');
    const told = await on('journalctl -u ballonet -o cat');
    expect(told).toContain(`${file}:`);
    expect(told).toContain('hint: write ballonet/v1');
    expect(await balloon()).toBe(before);
    await on(
      `sed -i 's#ballonet/v0#ballonet/v1#' ${file}; systemctl reset-failed ballonet; systemctl start ballonet`,
    );
  });

  it('is upgraded: the daemon is another one, the policies are those of before', async () => {
    const [before, pid] = [await on(`cat ${POLICY}`), await daemon('MainPID')];
    await on(`${dpkg} --force-confold -i /mnt/deb/later.deb`);
    expect(await on(`cat ${POLICY}`)).toBe(before);
    expect(await on(`cat ${POLICY}.dpkg-dist`)).toContain('# of version 9');
    expect(await daemon('MainPID')).not.toBe(pid);
    expect(JSON.parse(await on('ballonet status -o json'))).toMatchObject({ mode: 'enforce' });
  });

  it('is removed, and the configuration stays; is purged, and nothing stays but the name of its user', async () => {
    const pid = (await daemon('MainPID')).trim();
    await on('dpkg -r ballonet');
    await on(
      `! test -e /proc/${pid} && ! test -e /usr/bin/ballonet && test -s ${POLICY} && test -d /var/lib/ballonet`,
    );
    await on('dpkg --purge ballonet');
    // What man(1) has formatted stays its own until it tidies up.
    expect(await on("find /etc /usr /var /run -xdev -iname '*ballonet*' -not -path '/var/cache/man/*'")).toBe(
      '',
    );
    expect(await on('virsh -q domstate web-1')).toBe('running\n');
  });
});

/** The same package with a higher version, and another text in a file that the administrator may have changed. */
async function laterVersion(file: string, folder: string): Promise<string> {
  const tree = join(folder, 'tree');
  await run('dpkg-deb', ['-R', file, tree]);
  const control = join(tree, 'DEBIAN/control');
  await writeFile(control, (await readFile(control, 'utf8')).replace(/^Version: .*$/m, 'Version: 9.0'));
  const policy = join(tree, POLICY);
  await writeFile(policy, `${await readFile(policy, 'utf8')}# of version 9\n`);
  const later = join(folder, 'later.deb');
  await run('dpkg-deb', ['--root-owner-group', '-Znone', '-b', tree, later]);
  return later;
}
