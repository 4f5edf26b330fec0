/** Talks to yaml-language-server, which VS Code's YAML extension and neovim run, as an editor does: the Language Server Protocol. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Zero-based, as the protocol counts. */
interface Position {
  readonly line: number;
  readonly character: number;
}

interface Finding {
  readonly range: { readonly start: Position; readonly end: Position };
  readonly message: string;
  readonly severity?: number;
}

interface Completion {
  readonly label: string;
  readonly insertText?: string;
  readonly documentation?: unknown;
}

interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export interface Editor {
  /** Opens a file with this text; what the server finds wrong with it. */
  diagnose(file: string, text: string): Promise<readonly Finding[]>;
  complete(file: string, at: Position): Promise<readonly Completion[]>;
  /** Text that is shown over a place; empty when there is none. */
  hover(file: string, at: Position): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts a server for the files of a folder, and waits until it is ready.
 *
 * @param schemas - As the setting `yaml.schemas` has them: globs of files by the path of their schema
 */
export async function startEditor(
  folder: string,
  schemas: Readonly<Record<string, readonly string[]>>,
): Promise<Editor> {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve('yaml-language-server/package.json');
  const program = path.join(path.dirname(manifest), 'bin/yaml-language-server');
  const server = spawn(process.execPath, [program, '--stdio'], { cwd: folder });
  const yaml = { validate: true, hover: true, completion: true, schemas, schemaStore: { enable: false } };
  const link = createLink(server, params => {
    const { items } = params as { items: readonly { section: string }[] };
    return items.map(({ section }) => (section === 'yaml' ? yaml : null));
  });
  const uriOf = (file: string) => pathToFileURL(path.join(folder, file)).href;
  const waiting = new Map<string, (findings: readonly Finding[]) => void>();
  link.on('textDocument/publishDiagnostics', params => {
    const { uri, diagnostics } = params as { uri: string; diagnostics: readonly Finding[] };
    waiting.get(uri)?.(diagnostics);
    waiting.delete(uri);
  });
  await link.request('initialize', {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    capabilities: { textDocument: { hover: { contentFormat: ['markdown'] }, completion: {} } },
  });
  link.notify('initialized', {});
  link.notify('workspace/didChangeConfiguration', { settings: { yaml } });
  const ask = (method: string, file: string, position: Position) =>
    link.request(method, { textDocument: { uri: uriOf(file) }, position });
  return {
    diagnose(file, text) {
      const uri = uriOf(file);
      const found = new Promise<readonly Finding[]>(resolve => waiting.set(uri, resolve));
      link.notify('textDocument/didOpen', {
        textDocument: { uri, languageId: 'yaml', version: 1, text },
      });
      return found;
    },
    async complete(file, at) {
      const result = (await ask('textDocument/completion', file, at)) as {
        items: readonly Completion[];
      } | null;
      return result?.items ?? [];
    },
    async hover(file, at) {
      const result = (await ask('textDocument/hover', file, at)) as { contents: { value: string } } | null;
      return result?.contents.value ?? '';
    },
    async close() {
      const ended = new Promise(resolve => server.once('exit', resolve));
      await link.request('shutdown', null);
      link.notify('exit', undefined);
      await ended;
    },
  };
}

interface Link {
  request(method: string, params: unknown): Promise<unknown>;
  notify(method: string, params: unknown): void;
  on(method: string, listener: (params: unknown) => void): void;
}

/** JSON-RPC with a header of the length before each message, as the protocol has it. */
function createLink(
  { stdin, stdout }: ChildProcessWithoutNullStreams,
  settingsFor: (params: unknown) => unknown,
): Link {
  const asked = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  const listeners = new Map<string, (params: unknown) => void>();
  let received = Buffer.alloc(0);
  let last = 0;
  const send = (message: object): void => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  const take = ({ id, method, params, result, error }: Message): void => {
    if (method !== undefined) {
      listeners.get(method)?.(params);
      // What the server asks beside its settings (to be told of changed files) it can do without.
      if (id !== undefined && id !== null)
        send({ id, result: method === 'workspace/configuration' ? settingsFor(params) : null });
      return;
    }
    const request = typeof id === 'number' ? asked.get(id) : undefined;
    if (request === undefined) return;
    asked.delete(Number(id));
    if (error === undefined) request.resolve(result);
    else request.reject(new Error(error.message));
  };
  stdout.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const end = received.indexOf('\r\n\r\n');
      const length = Number(/Content-Length: (\d+)/i.exec(received.subarray(0, end).toString())?.[1]);
      if (end < 0 || received.length < end + 4 + length) return;
      const body = received.subarray(end + 4, end + 4 + length).toString();
      received = received.subarray(end + 4 + length);
      take(JSON.parse(body) as Message);
    }
  });
  return {
    request(method, params) {
      last += 1;
      const id = last;
      send({ id, method, params });
      return new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
    },
    notify: (method, params) => send({ method, params }),
    on: (method, listener) => void listeners.set(method, listener),
  };
}
