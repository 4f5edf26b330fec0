import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import type { Bytes, Seconds } from '../../src/model/units.ts';
import { until } from './process.ts';

const helloSchema = z.object({
  /** New with every boot of the guest's kernel. */
  bootId: z.string(),
  kernel: z.string(),
  uptimeSeconds: z.number(),
  /** The balloon driver is loaded and has its device. */
  balloon: z.boolean(),
});
type Hello = Readonly<z.infer<typeof helloSchema>>;

const workSchema = z.object({
  seconds: z.number(),
  /** The longest time between two page touches that follow one another; waits for a rate are not counted. */
  longestStallSeconds: z.number(),
  heldBytes: z.number(),
});
type Work = Readonly<z.infer<typeof workSchema>>;

const stallsSchema = z.object({
  longestStallSeconds: z.number(),
  /** Sum of all waits of 10 ms and more. */
  stalledSeconds: z.number(),
  over10ms: z.number(),
  over100ms: z.number(),
  over1s: z.number(),
  /** How long the page touch that is under way has taken; 0 when none is. */
  ongoingStallSeconds: z.number(),
  /** How late a locked, idle process woke at worst: the share of stalls that is the host's processor, not memory. */
  agentLateSeconds: z.number(),
  heldBytes: z.number(),
});
type Stalls = Readonly<z.infer<typeof stallsSchema>>;

const pressureSchema = z.object({ someSeconds: z.number(), fullSeconds: z.number() });
/** Time since boot in which some, or all, of the guest's tasks waited for memory (PSI). */
type Pressure = Readonly<z.infer<typeof pressureSchema>>;

const deathSchema = z.object({ signal: z.number(), lostBytes: z.number() });
/** A holder that died, by the OOM killer's SIGKILL (9) as a rule, and what it held. */
type HolderDeath = Readonly<z.infer<typeof deathSchema>>;

const heldSchema = z.object({ heldBytes: z.number() });
const fileSchema = z.object({ seconds: z.number(), bytes: z.number() });
const tableSchema = z.record(z.string(), z.number());
const emptySchema = z.object({});
const messageSchema = z.looseObject({
  id: z.number().optional(),
  event: z.string().optional(),
  error: z.string().optional(),
});

/** The workload in a guest (guest/agent.c). A request fails when its deadline passes or the guest reboots. */
export interface Agent {
  /**
   * Takes memory and fills each page with random data, at full speed or at `rate` bytes a second. Of `compressible` memory three
   * quarters of each page are left zero.
   */
  take(
    bytes: Bytes,
    options?: { rate?: Bytes; deadlineSeconds?: Seconds; compressible?: boolean },
  ): Promise<Work>;
  /** Gives back what was taken last, or all of it. */
  free(bytes?: Bytes | 'all'): Promise<{ readonly heldBytes: Bytes }>;
  /** Touches every page held. */
  touch(deadlineSeconds?: Seconds): Promise<Work>;
  /** From now on touches held pages in the background, so many a second; 0 stops. Its stalls show in `stalls()`. */
  work(pagesPerSecond: number): Promise<void>;
  /** Writes a file of this size to the data disk: clean page cache (needs the option `disk`). */
  cache(bytes: Bytes): Promise<{ readonly seconds: Seconds; readonly bytes: Bytes }>;
  /** Reads that file again; quick as far as it still is in the page cache. */
  reread(): Promise<{ readonly seconds: Seconds; readonly bytes: Bytes }>;
  dropCaches(): Promise<void>;
  /** /proc/meminfo by its own names, in bytes. */
  meminfo(): Promise<Readonly<Record<string, Bytes>>>;
  /** /proc/vmstat by its own names: counts since boot. */
  vmstat(): Promise<Readonly<Record<string, number>>>;
  pressure(): Promise<Pressure>;
  stalls(): Promise<Stalls>;
  resetStalls(): Promise<void>;
  /** Holders that the OOM killer took, oldest first, since the lab started. */
  readonly holderDeaths: readonly HolderDeath[];
  /** Powers the guest off from within; see `Guest.shutDown`. */
  quit(): Promise<void>;
  /** Reboots the guest from within; see `Guest.reboot`. */
  reboot(): Promise<void>;
}

export interface AgentLink {
  readonly agent: Agent;
  /** Connects to the socket of a guest that has just been started. */
  connect(): Promise<void>;
  /** Waits for the hello of a boot other than the last one that was greeted. */
  greet(deadlineSeconds: Seconds): Promise<Hello>;
  disconnect(): void;
}

interface Pending {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly verb: string;
}

export function createAgentLink(name: string, socketPath: string): AgentLink {
  const pending = new Map<number, Pending>();
  const deaths: HolderDeath[] = [];
  let socket: Socket | undefined;
  let lastId = 0;
  let greeted: string | undefined;
  let heard: Hello | undefined;

  function fail(reason: string): void {
    for (const { reject, verb } of pending.values()) reject(new Error(`${name}: ${verb}: ${reason}`));
    pending.clear();
  }

  function hear(hello: Hello): void {
    if (heard && heard.bootId !== hello.bootId) fail('the guest rebooted');
    heard = hello;
  }

  function receive(line: string): void {
    const { id, error, ...message } = messageSchema.parse(JSON.parse(line));
    if (message.event === 'hello') hear(helloSchema.parse(message));
    if (message.event === 'holder-died') deaths.push(deathSchema.parse(message));
    const request = id === undefined ? undefined : pending.get(id);
    if (id === undefined || !request) return; // an event, or an answer to a request that was given up
    pending.delete(id);
    if (error === undefined) request.resolve(message);
    else request.reject(new Error(`${name}: ${request.verb}: ${error}`));
  }

  async function request<T>(verb: string, reply: z.ZodType<T>, deadlineSeconds = 30): Promise<T> {
    const connected = socket;
    if (!connected) throw new Error(`${name}: ${verb}: the guest does not run`);
    const id = ++lastId;
    const answer = new Promise<unknown>((resolve, reject) => {
      pending.set(id, { verb, resolve, reject });
    });
    const timer = setTimeout(() => {
      pending.get(id)?.reject(new Error(`${name}: ${verb}: no answer within ${deadlineSeconds} s`));
      pending.delete(id);
    }, deadlineSeconds * 1000);
    connected.write(`${id} ${verb}\n`);
    try {
      return reply.parse(await answer);
    } finally {
      clearTimeout(timer);
    }
  }

  async function order(verb: string): Promise<void> {
    await request(verb, emptySchema);
  }

  const agent: Agent = {
    take: (bytes, { rate = 0, deadlineSeconds = 120, compressible = false } = {}) =>
      request(
        `${compressible ? 'take-soft' : 'take'} ${bytes} ${Math.round(rate)}`,
        workSchema,
        deadlineSeconds,
      ),
    free: (bytes = 'all') => request(`free ${bytes}`, heldSchema),
    touch: (deadlineSeconds = 120) => request('touch', workSchema, deadlineSeconds),
    work: pagesPerSecond => order(`work ${pagesPerSecond}`),
    cache: bytes => request(`cache ${bytes}`, fileSchema, 120),
    reread: () => request('reread', fileSchema, 120),
    dropCaches: () => order('drop-caches'),
    meminfo: () => request('meminfo', tableSchema),
    vmstat: () => request('vmstat', tableSchema),
    pressure: () => request('pressure', pressureSchema),
    stalls: () => request('stalls', stallsSchema),
    resetStalls: () => order('reset-stalls'),
    holderDeaths: deaths,
    quit: () => order('quit'),
    reboot: () => order('reboot'),
  };

  return {
    agent,
    async connect() {
      const connected = await open(socketPath);
      let rest = '';
      connected.setEncoding('utf8');
      connected.on('data', chunk => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) receive(line);
      });
      connected.on('error', () => undefined); // 'close' follows
      connected.on('close', () => {
        if (socket === connected) socket = undefined;
        fail('the guest is gone');
      });
      socket = connected;
      connected.unref();
    },
    async greet(deadlineSeconds) {
      // The guest says hello by itself when it boots; one that is up already has to be asked.
      request('hello', helloSchema, deadlineSeconds).then(hear, () => undefined);
      const hello = await until(
        `${name} says hello`,
        deadlineSeconds,
        () => heard?.bootId !== greeted && heard,
        0.02,
      );
      greeted = hello.bootId;
      return hello;
    },
    disconnect() {
      socket?.destroy();
      socket = undefined;
    },
  };
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
