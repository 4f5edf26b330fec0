/** A QEMU as far as QMP goes: a unix socket that serves one client at a time, with a machine that a test sets up. */
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

export interface FakeMachine {
  name: string | undefined;
  uuid: string;
  status: string;
  baseBytes: number;
  pluggedBytes: number;
  /** Undefined: no balloon device. JSON text, because a number of JavaScript cannot be any that QEMU writes. */
  balloon:
    | { path: string; type: string; actual: string; stats: Record<string, string>; lastUpdate: string }
    | undefined;
  deflateOnOom: boolean;
  freePageReporting: boolean;
  /** Types of other devices. */
  devices: readonly string[];
  /** The path of what encrypts the guest's memory; undefined where machines have no such property. */
  confidential: string | undefined;
  /** Undefined: there was no migration. */
  migration: string | undefined;
  pollingInterval: number;
  threads: number[];
}

interface FakeCommand {
  readonly execute: string;
  readonly id: number;
  readonly args: Readonly<Record<string, string | number>>;
  /** Gives the answer that the machine would. */
  answer(): void;
}

export interface FakeQemu {
  readonly path: string;
  readonly machine: FakeMachine;
  /** Commands in the order in which they came, over all clients. */
  readonly commands: FakeCommand[];
  /** How many clients have been greeted. */
  readonly greeted: number;
  /** Clients that wait for their turn. */
  readonly waiting: number;
  /** True keeps the machine from answering; the test may do it later. */
  intercept: (command: FakeCommand) => boolean;
  event(name: string, data?: object): void;
  /** Writes as it is. */
  raw(text: string | Buffer): void;
  /** Commands of one kind. */
  given(execute: string): FakeCommand[];
  /** The process ends: its connections break. A socket file that is left behind is what SIGKILL leaves. */
  end(options?: { readonly leaveSocket?: boolean }): Promise<void>;
}

export const UNKNOWN = '18446744073709551615';
const ID = /"id":(\d+)/;

function fakeMachine(change: Partial<FakeMachine> = {}): FakeMachine {
  return {
    name: 'web',
    uuid: '6b8b4567-327b-43c6-a433-6873664b0dc5',
    status: 'running',
    baseBytes: 2 ** 30,
    pluggedBytes: 0,
    balloon: {
      path: '/machine/peripheral-anon/device[3]',
      type: 'virtio-balloon-pci',
      actual: String(2 ** 30),
      stats: { 'stat-total-memory': String(900 * 2 ** 20), 'stat-available-memory': String(700 * 2 ** 20) },
      lastUpdate: '1700000000',
    },
    deflateOnOom: false,
    freePageReporting: false,
    devices: [],
    confidential: '',
    migration: undefined,
    pollingInterval: 0,
    threads: [2 ** 30, 2 ** 30 + 1],
    ...change,
  };
}

export async function startFakeQemu(path: string, change: Partial<FakeMachine> = {}): Promise<FakeQemu> {
  const machine = fakeMachine(change);
  const commands: FakeCommand[] = [];
  const waiting: Socket[] = [];
  let client: Socket | undefined;
  let greeted = 0;

  function serve(socket: Socket): void {
    client = socket;
    greeted += 1;
    socket.write(
      '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "fake"}, "capabilities": ["oob"]}}\r\n',
    );
    let rest = '';
    socket.on('data', chunk => {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(socket, line);
    });
    socket.on('close', () => {
      client = undefined;
      // Those that gave up while they waited are passed over.
      let next = waiting.shift();
      while (next?.destroyed) next = waiting.shift();
      if (next) serve(next);
    });
  }

  function take(socket: Socket, line: string): void {
    const { execute, arguments: args = {} } = JSON.parse(line);
    const id = Number(ID.exec(line)?.[1]);
    const command: FakeCommand = {
      execute,
      id,
      args,
      answer: () => {
        socket.write(`{${answerOf(machine, execute, args)}, "id": ${id}}\r\n`);
      },
    };
    commands.push(command);
    if (!fake.intercept(command)) command.answer();
  }

  const server = createServer(socket => {
    socket.on('error', () => undefined);
    socket.resume();
    if (client) waiting.push(socket);
    else serve(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });

  const fake: FakeQemu = {
    path,
    machine,
    commands,
    get greeted() {
      return greeted;
    },
    get waiting() {
      return waiting.filter(socket => !socket.destroyed).length;
    },
    intercept: () => false,
    event(name, data) {
      const body = data ? `, "data": ${JSON.stringify(data)}` : '';
      this.raw(`{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "${name}"${body}}\r\n`);
    },
    raw: text => {
      client?.write(text);
    },
    given: execute => commands.filter(command => command.execute === execute),
    async end({ leaveSocket = false } = {}) {
      const closed = new Promise(resolve => {
        server.close(resolve);
      });
      for (const socket of [...waiting.splice(0), client]) socket?.destroy();
      await closed;
      if (!leaveSocket) rmSync(path, { force: true });
    },
  };
  return fake;
}

function answerOf(machine: FakeMachine, execute: string, args: Record<string, string | number>): string {
  const { balloon } = machine;
  switch (execute) {
    case 'query-name':
      return `"return": {${machine.name === undefined ? '' : `"name": ${JSON.stringify(machine.name)}`}}`;
    case 'query-uuid':
      return `"return": {"UUID": "${machine.uuid}"}`;
    case 'query-status':
      return `"return": {"status": "${machine.status}", "singlestep": false, "running": ${machine.status === 'running'}}`;
    case 'query-memory-size-summary':
      return `"return": {"base-memory": ${machine.baseBytes}, "plugged-memory": ${machine.pluggedBytes}}`;
    case 'query-cpus-fast':
      return `"return": [${machine.threads.map(thread => `{"thread-id": ${thread}, "cpu-index": 0}`).join(', ')}]`;
    case 'query-balloon':
      return balloon ? `"return": {"actual": ${balloon.actual}}` : NO_BALLOON;
    case 'balloon':
      if (!balloon) return NO_BALLOON;
      balloon.actual = String(args.value);
      return '"return": {}';
    case 'qom-list':
      return `"return": [${listOf(machine, String(args.path))}]`;
    case 'query-migrate':
      return `"return": {${machine.migration === undefined ? '' : `"status": "${machine.migration}"`}}`;
    case 'qom-get':
      if (args.path === '/machine' && machine.confidential !== undefined)
        return `"return": ${JSON.stringify(machine.confidential)}`;
      return balloon?.path === args.path
        ? `"return": ${propertyOf(machine, String(args.property))}`
        : NO_DEVICE;
    case 'qom-set':
      if (balloon?.path !== args.path) return NO_DEVICE;
      machine.pollingInterval = Number(args.value);
      return '"return": {}';
    case 'qmp_capabilities':
      return '"return": {}';
    default:
      return `"error": {"class": "CommandNotFound", "desc": "The command ${execute} has not been found"}`;
  }
}

const NO_BALLOON = '"error": {"class": "DeviceNotActive", "desc": "No balloon device has been activated"}';
const NO_DEVICE = '"error": {"class": "DeviceNotFound", "desc": "Device not found"}';

function listOf({ balloon, devices }: FakeMachine, container: string): string {
  const properties = ['{"name": "type", "type": "string"}', '{"name": "rtc", "type": "child<mc146818rtc>"}'];
  if (container === '/machine/peripheral')
    for (const type of devices) properties.push(`{"name": "${type}0", "type": "child<${type}>"}`);
  if (balloon?.path.startsWith(`${container}/`)) {
    const name = balloon.path.slice(container.length + 1);
    properties.push(`{"name": "${name}", "type": "child<${balloon.type}>"}`);
  }
  return properties.join(', ');
}

function propertyOf(machine: FakeMachine, property: string): string {
  const { balloon, deflateOnOom, freePageReporting, pollingInterval } = machine;
  if (property === 'free-page-reporting') return String(freePageReporting);
  if (property === 'deflate-on-oom') return String(deflateOnOom);
  if (property === 'guest-stats-polling-interval') return String(pollingInterval);
  const stats = Object.entries(balloon?.stats ?? {}).map(([name, value]) => `"${name}": ${value}`);
  return `{"stats": {${stats.join(', ')}}, "last-update": ${balloon?.lastUpdate ?? 0}}`;
}
