/** Lines out of a stream of chunks. QMP sends one JSON text a line. */
import { BallonetError } from '../../model/errors.ts';
import { KiB, MiB } from '../../model/units.ts';

/** The longest reply that is asked for (`qom-list` of a large machine) has some tens of KiB. */
const LINE_MAX_BYTES = MiB;

const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/** One a connection: it keeps what came of a line that is not complete, at most 1 MiB however small its pieces. */
export class LineReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #kept: Buffer = EMPTY;
  #bytes = 0;

  /**
   * Takes the next chunk and hands over the lines that it completes, without their ends; blank lines are passed over.
   *
   * @throws BallonetError PROTOCOL for a line longer than 1 MiB or one that is not UTF-8; nothing can be read after it.
   */
  push(chunk: Buffer, onLine: (line: string) => void): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (this.#bytes + part.length > LINE_MAX_BYTES) {
        throw new BallonetError('PROTOCOL', `QEMU sent a line longer than ${LINE_MAX_BYTES} bytes`);
      }
      if (end < 0) {
        this.#keep(part);
        return;
      }
      const line = this.#complete(part);
      start = end + 1;
      if (line.trim() !== '') onLine(line);
    }
  }

  /** The room doubles, so that a line in many small pieces is not copied over and over. */
  #keep(part: Buffer): void {
    const bytes = this.#bytes + part.length;
    if (bytes > this.#kept.length) {
      const roomier = Buffer.allocUnsafe(Math.max(bytes, this.#kept.length * 2, KiB));
      this.#kept.copy(roomier, 0, 0, this.#bytes);
      this.#kept = roomier;
    }
    part.copy(this.#kept, this.#bytes);
    this.#bytes = bytes;
  }

  #complete(part: Buffer): string {
    if (this.#bytes === 0) return this.#decode(part);
    this.#keep(part);
    const line = this.#decode(this.#kept.subarray(0, this.#bytes));
    this.#kept = EMPTY;
    this.#bytes = 0;
    return line;
  }

  #decode(bytes: Buffer): string {
    try {
      return this.#decoder.decode(bytes);
    } catch (cause) {
      throw new BallonetError('PROTOCOL', 'QEMU sent a line that is not UTF-8', { cause });
    }
  }
}
