/** The console's files, read once: a page that is served from memory cannot change under those who load it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { systemCode } from '../model/errors.ts';

export interface ConsoleFile {
  readonly type: string;
  /** Of the content, with quotes. */
  readonly etag: string;
  /** Its name changes with its content, so that it may be kept for ever. */
  readonly immutable: boolean;
  readonly content: Uint8Array<ArrayBuffer>;
  /** The same, compressed with gzip; missing where it is not worth it. */
  readonly packed?: Uint8Array<ArrayBuffer>;
}

/** By path of the URL. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.md': 'text/markdown; charset=utf-8',
};

/**
 * Scripts and styles of this origin alone, no frames, no forms to elsewhere: what a guest or a policy is called can do nothing even
 * if it came into the page as markup.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** @returns nothing where the folder is not there: the console was not built */
export function readConsole(folder: string): ConsoleFiles {
  const files = new Map<string, ConsoleFile>();
  let names: readonly string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return files;
    throw error;
  }
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const content = new Uint8Array(readFileSync(join(folder, name)));
    const packed = names.includes(`${name}.gz`) && new Uint8Array(readFileSync(join(folder, `${name}.gz`)));
    const file = {
      type,
      etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
      immutable: name.startsWith('assets/'),
      content,
      ...(packed !== false && { packed }),
    };
    files.set(`/${name}`, file);
    if (name === 'index.html') files.set('/', file);
  }
  return files;
}

/** The answer to a request for a file. */
export function fileResponse(file: ConsoleFile, header: (name: string) => string | undefined): Response {
  const { type, etag, immutable, content, packed } = file;
  const headers = new Headers({
    'content-type': type,
    etag,
    // The page itself is asked for each time, so that it names the files of the daemon that runs.
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    ...(packed !== undefined && { vary: 'accept-encoding' }),
  });
  const known = header('if-none-match')?.split(',') ?? [];
  if (known.some(tag => tag.trim().replace(/^W\//, '') === etag))
    return new Response(null, { status: 304, headers });
  const takesGzip = /(?:^|[,\s])gzip\s*(?:,|;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|$)/.test(
    header('accept-encoding') ?? '',
  );
  if (packed === undefined || !takesGzip) return new Response(content, { headers });
  headers.set('content-encoding', 'gzip');
  return new Response(packed, { headers });
}
