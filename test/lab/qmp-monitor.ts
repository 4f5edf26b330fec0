/** A QMP monitor for tests, beside Ballonet's: one command a connection. */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** @throws Error with QEMU's words where it refuses */
export async function askMonitor(path: string, execute: string, args: object = {}): Promise<unknown> {
  const socket = connect(path);
  socket.setTimeout(10_000, () => socket.destroy(new Error(`${execute}: no answer within 10 s`)));
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  try {
    await next(lines);
    for (const command of [{ execute: 'qmp_capabilities' }, { execute, arguments: args }]) {
      socket.write(`${JSON.stringify(command)}\n`);
      let reply = await next(lines);
      while ('event' in reply) reply = await next(lines);
      if (!('return' in reply)) throw new Error(`${execute}: ${JSON.stringify(reply)}`);
      if (command.execute === execute) return reply.return;
    }
    return undefined;
  } finally {
    socket.destroy();
  }
}

async function next(lines: AsyncIterator<string>): Promise<object> {
  const line = await lines.next();
  if (line.done) throw new Error('the monitor has closed');
  return Object(JSON.parse(line.value));
}
