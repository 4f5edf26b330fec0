import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ExplainEnd } from './transport-process.ts';
import { connectProcess } from './transport-process.ts';

async function shell(script: string, explain: ExplainEnd = () => undefined): Promise<Duplex> {
  const stream = await connectProcess('/bin/sh', ['-c', script], explain);
  stream.on('error', () => {});
  onTestFinished(() => void stream.destroy());
  return stream;
}

async function failureOf(stream: Duplex): Promise<unknown> {
  stream.resume();
  return stream.errored ?? (await once(stream, 'error'))[0];
}

async function read(stream: Duplex, length: number): Promise<string> {
  let text = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.length >= length) break;
  }
  return text;
}

describe('a program as a connection', () => {
  it('takes bytes and gives bytes, many of them too', async () => {
    const stream = await shell('exec cat');
    const text = 'x'.repeat(3_000_000);
    stream.write(text);
    expect((await read(stream, text.length)) === text).toBe(true);
  });

  it('that is not there is an error with its name', async () => {
    await expect(connectProcess('/no/such/program', [], () => undefined)).rejects.toMatchObject({
      code: 'HYPERVISOR_UNREACHABLE',
      message: expect.stringContaining('/no/such/program'),
      cause: { code: 'ENOENT' },
    });
  });

  it('gives the arguments to no shell', async () => {
    const stream = await connectProcess('/bin/echo', ['$HOME; ls', '*'], () => undefined);
    stream.on('error', () => {});
    expect(await read(stream, 12)).toBe('$HOME; ls *\n');
  });

  it('that ends before it has said anything was not reached, and what it wrote on stderr is the reason', async () => {
    expect(await failureOf(await shell('echo no route >&2; exit 3'))).toMatchObject({
      code: 'HYPERVISOR_UNREACHABLE',
      message: "'/bin/sh' ended with exit status 3: no route",
    });
  });

  it('that ends later closed the connection', async () => {
    expect(await failureOf(await shell('echo hello; kill -9 $$'))).toMatchObject({
      code: 'HYPERVISOR_CLOSED',
      message: expect.stringContaining('signal SIGKILL'),
    });
  });

  it('has only the last of its stderr kept, without control characters', async () => {
    const ends: string[] = [];
    const script = `i=0; while [ $i -lt 3000 ]; do echo "line $i of many" >&2; i=$((i+1)); done; printf '\\033[31mred\\007\\n' >&2; exit 1`;
    const stream = await shell(script, ({ said }) => {
      ends.push(said);
      return undefined;
    });
    await failureOf(stream);
    expect(ends[0]?.length).toBeLessThanOrEqual(4096);
    expect(ends[0]).toMatch(/line 2999 of many \[31mred$/);
    expect(ends[0]).not.toMatch(/\p{Cc}/u);
  });

  it('is killed with its connection, even one that does not want to', async () => {
    for (const trap of ['', "trap '' TERM;"]) {
      const stream = await shell(`${trap} echo $$; while :; do sleep 0.1; done`);
      const pid = Number(await read(stream, 2));
      expect(isAlive(pid)).toBe(true);
      stream.destroy();
      await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
    }
  });

  it('ends when it has ended, whatever it left in the background', async () => {
    const began = performance.now();
    expect(await failureOf(await shell('sleep 5 & echo gone >&2; exit 1'))).toMatchObject({
      message: expect.stringContaining('gone'),
    });
    expect(performance.now() - began).toBeLessThan(4000);
  });

  it('that does not read any more does not break its writer', async () => {
    const stream = await shell('exec 0<&-; echo closed; sleep 0.3; exit 7');
    await read(stream, 7);
    stream.write('x'.repeat(1_000_000));
    expect(await failureOf(stream)).toMatchObject({ code: 'HYPERVISOR_CLOSED' });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
