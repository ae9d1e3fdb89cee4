import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, writeSync } from 'node:fs';
import { linesOf, type SentBatch } from './sent-batch.ts';

/**
 * Writes what was sent as NDJSON, one object a line:
 * `{ exchange, connection, line | lineBase64, fault?, expect }`, `lineBase64` where the line is not UTF-8, without its
 * terminator. Writes at once and waits for it, so nothing piles up and a killed emulator's record is complete.
 * Recorded means handed to the socket: a client that was dropped, or hung up, has not got the end of it.
 */
export class Recorder {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  readonly onSent = (batch: SentBatch): void => {
    let text = '';
    for (const { startByte, endByte, fault, expect } of linesOf(batch)) {
      const bytes = batch.bytes.subarray(startByte, endByte);
      const line = isUtf8(bytes) ? { line: bytes.toString() } : { lineBase64: bytes.toString('base64') };
      const { exchange, connection } = batch;
      text += `${JSON.stringify({ exchange, connection, ...line, ...(fault === null ? {} : { fault }), expect })}\n`;
    }
    writeAll(this.#file, Buffer.from(text));
  };

  close(): void {
    closeSync(this.#file);
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
