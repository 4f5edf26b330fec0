import { describe, expect, it, vi } from 'vitest';
import { codeOf, onlyDomain, paramsOf, qmpBench } from '../../../test/fakes/qmp-bench.ts';
import { connectQmp } from './hypervisor.ts';

describe('a QEMU that hangs', () => {
  it('costs its own figures only, and its record keeps state and sizes', async () => {
    const { start, connect, warnings } = qmpBench();
    const hung = await start('a');
    await start('b');
    const hypervisor = await connect();
    await hypervisor.allDomainStats();
    hung.intercept = () => true;
    const began = performance.now();

    const first = paramsOf(await hypervisor.allDomainStats());
    const firstMs = performance.now() - began;
    const second = paramsOf(await hypervisor.allDomainStats());
    const secondMs = performance.now() - began - firstMs;

    const shorter = {
      'state.state': 1,
      'state.reason': 0,
      'balloon.current': 2 ** 20,
      'balloon.maximum': 2 ** 20,
    };
    for (const records of [first, second]) {
      expect(records[0]).toEqual(shorter);
      expect(records[1]).toHaveProperty('balloon.last-update');
    }
    expect(firstMs).toBeLessThan(1000);
    expect(secondMs).toBeLessThan(firstMs);
    expect(warnings.map(({ code }) => code)).toEqual(['HYPERVISOR_TIMEOUT']);
  });

  it('lets calls end at their deadline, carries none of them out later, and is asked again when it answers', async () => {
    const { start, connect } = qmpBench();
    const qemu = await start('web');
    const hypervisor = await connect('', { callTimeout: 0.2 });
    const domain = await onlyDomain(hypervisor);
    qemu.intercept = () => true;
    expect(await codeOf(domain.info())).toBe('HYPERVISOR_TIMEOUT');
    const given = qemu.commands.length;

    expect(await codeOf(domain.setMemory(1024, { live: true }))).toBe('HYPERVISOR_TIMEOUT');

    expect(qemu.commands).toHaveLength(given);
    qemu.intercept = () => false;
    for (const command of qemu.commands.slice(-4)) command.answer();
    await domain.setMemory(2048, { live: true });
    expect(qemu.given('balloon').map(({ args }) => args)).toEqual([{ value: 2048 * 1024 }]);
    expect(qemu.greeted).toBe(1);
  });

  it('before it greets does not hold up the others, and comes when it greets', async () => {
    const { start, connect, folder, warnings } = qmpBench();
    await start('a');
    await start('b');
    const occupant = await connectQmp(`qmp://${folder}/b.qmp`);

    const hypervisor = await connect('', { callTimeout: 0.3, reconnect: true }, { settleMs: 100 });

    expect((await hypervisor.domains()).map(({ name }) => name)).toEqual(['a']);
    expect(warnings.map(({ code }) => code)).toEqual(['HYPERVISOR_TIMEOUT']);
    await occupant.close();
    await vi.waitFor(async () => expect(await hypervisor.domains()).toHaveLength(2), 3000);
  });
});

describe('a busy machine', () => {
  it('does not take an answer that it has not read for one that has not come', async () => {
    const { start, connect } = qmpBench();
    const qemu = await start('web');
    const hypervisor = await connect('', { callTimeout: 0.2 });
    const domain = await onlyDomain(hypervisor);

    const asked = domain.info();
    // The fake lives in this process: until it has read the question, and not so long that its answer is read.
    while (qemu.given('query-cpus-fast').length < 2)
      await new Promise<void>(resolve => {
        setImmediate(resolve);
      });
    const end = performance.now() + 300;
    while (performance.now() < end);

    expect((await asked).state).toBe('running');
  });
});

describe('a connection that is closed', () => {
  it('leaves nothing behind that waits for a QEMU', async () => {
    const { start, connect, folder } = qmpBench();
    const qemu = await start('a');
    const other = await start('b');
    const occupant = await connectQmp(`qmp://${folder}/b.qmp`);
    const hypervisor = await connect('', { callTimeout: 60, reconnect: true }, { settleMs: 50 });
    qemu.intercept = () => true;
    const asked = codeOf(onlyDomain(hypervisor).then(domain => domain.info()));
    await vi.waitFor(() => expect(qemu.given('query-cpus-fast').length).toBeGreaterThan(1));
    expect(other.waiting).toBe(1);
    const ended = vi.fn<() => void>();
    hypervisor.events.subscribe({ complete: ended });

    await hypervisor.close();

    expect(await asked).toBe('DOMAIN_NOT_FOUND');
    expect(ended).toHaveBeenCalled();
    expect(await codeOf(hypervisor.allDomainStats())).toBe('HYPERVISOR_CLOSED');
    await vi.waitFor(() => expect(other.waiting).toBe(0));
    await occupant.close();
  });
});

describe('a QEMU that breaks the protocol', () => {
  it.each([
    ['text', 'no json\r\n'],
    ['a list', '[1]\r\n'],
    ['a reply to nothing', '{"return": {}, "id": 4711}\r\n'],
    ['a reply without an id', '{"return": {}}\r\n'],
    ['an event without a name', '{"event": 7}\r\n'],
    ['a balloon event without an amount', '{"event": "BALLOON_CHANGE", "data": {}}\r\n'],
    ['a line without an end', 'x'.repeat(2 ** 20 + 1)],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x0a])],
  ])('by %s loses its connection, and gets a new one', async (_, bytes) => {
    const { start, connect, warnings } = qmpBench();
    const qemu = await start('web');
    await start('other');
    const hypervisor = await connect('', { reconnect: true });

    qemu.raw(bytes);

    await vi.waitFor(() => expect(warnings.map(({ code }) => code)).toEqual(['PROTOCOL']));
    await vi.waitFor(async () => expect(await hypervisor.domains()).toHaveLength(2));
    expect(qemu.greeted).toBe(2);
    expect(await hypervisor.allDomainStats()).toHaveLength(2);
  });
});
