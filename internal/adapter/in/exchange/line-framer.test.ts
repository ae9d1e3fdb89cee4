import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Chunk } from './chunk.ts';
import { LineFramer } from './line-framer.ts';

const LF = 10;

interface Framed {
  /** Lines that are short enough, without newline, in order. */
  readonly lines: string[];
  tooLong: number;
}

interface FramerSetting {
  readonly frameMaxBytes: number;
  readonly readBytes: number;
}

/** Length that counts: a CR before the newline does not. */
function noteLine(line: Uint8Array, frameMaxBytes: number, into: Framed): void {
  const lengthBytes = line.at(-1) === 13 ? line.length - 1 : line.length;
  if (lengthBytes > frameMaxBytes) into.tooLong++;
  else into.lines.push(Buffer.from(line).toString('latin1'));
}

function splitLines(text: Uint8Array, frameMaxBytes: number, into: Framed): void {
  let from = 0;
  for (let to = text.indexOf(LF); to >= 0; to = text.indexOf(LF, from)) {
    noteLine(text.subarray(from, to), frameMaxBytes, into);
    from = to + 1;
  }
  if (from < text.length) noteLine(text.subarray(from), frameMaxBytes, into);
}

/** One connection over two chunks in turn, as a socket's reads fill them. */
class Reader {
  readonly framed: Framed = { lines: [], tooLong: 0 };
  readonly chunksTooLong: number[] = [];
  private readonly framer: LineFramer;
  private readonly frameMaxBytes: number;
  private readonly readBytes: number;
  private current: Chunk;
  private next: Chunk;

  constructor({ frameMaxBytes, readBytes }: FramerSetting) {
    this.frameMaxBytes = frameMaxBytes;
    this.readBytes = readBytes;
    this.framer = new LineFramer(frameMaxBytes);
    const layout = { readBytes, frameMaxBytes, shared: false };
    this.current = new Chunk(layout);
    this.next = new Chunk(layout);
  }

  /** `sizes`: bytes of the reads, over and over. */
  read(text: Uint8Array, sizes: readonly number[]): void {
    for (let at = 0, k = 0; at < text.length; k++) {
      const piece = text.subarray(at, at + Math.min(sizes[k % sizes.length]!, this.readBytes));
      at += piece.length;
      this.current.target.set(piece);
      if (!this.framer.take(this.current, piece.length, this.next)) continue;
      this.use(this.current);
      [this.current, this.next] = [this.next, this.current];
    }
  }

  end(): void {
    if (this.framer.end(this.current)) this.use(this.current);
  }

  private use(chunk: Chunk): void {
    const bytes = chunk.bytes.subarray(chunk.start, chunk.end);
    if (bytes.length > 0) assert.equal(bytes.at(-1), LF, 'a chunk ends with a newline');
    splitLines(bytes, this.frameMaxBytes, this.framed);
    this.framed.tooLong += chunk.tooLong;
    this.chunksTooLong.push(chunk.tooLong);
    // The chunk goes round: nothing that the framer still needs may lie in it.
    chunk.bytes.fill(0x21);
  }
}

const FRAME_MAX_BYTES = 24;
const lengths = fc.oneof(
  fc.nat({ max: 12 }),
  fc.constantFrom(...[-2, -1, 0, 1, 2, 3].map((more) => FRAME_MAX_BYTES + more), 70, 200),
);
const line = fc
  .tuple(lengths, fc.array(fc.constantFrom(...Buffer.from('ab\r€𝄞é\0')), { minLength: 1, maxLength: 9 }), fc.boolean())
  .map(([length, alphabet, hasCr]) => {
    const bytes = Uint8Array.from({ length }, (_, k) => alphabet[k % alphabet.length]!);
    return Buffer.concat([bytes, Buffer.from(hasCr ? '\r\n' : '\n')]);
  });
const stream = fc
  .tuple(fc.array(line, { maxLength: 40 }), lengths)
  .map(([lines, rest]) => Buffer.concat([...lines, Buffer.from('x'.repeat(rest))]));
const sizes = fc.array(fc.integer({ min: 1, max: 96 }), { minLength: 1, maxLength: 12 });

test('any cutting of the bytes gives the same frames, the unfinished last line among them', () => {
  fc.assert(
    fc.property(stream, sizes, fc.integer({ min: 1, max: 96 }), (text, reads, readBytes) => {
      const expected: Framed = { lines: [], tooLong: 0 };
      splitLines(text, FRAME_MAX_BYTES, expected);
      for (const cut of [reads, [1], [readBytes]]) {
        const reader = new Reader({ frameMaxBytes: FRAME_MAX_BYTES, readBytes });
        reader.read(text, cut);
        reader.end();
        assert.deepEqual(reader.framed, expected);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('the limit is on the line without CRLF, wherever the read ends', () => {
  const setting = { frameMaxBytes: 8, readBytes: 64 };
  const cases: [text: string, lines: string[], tooLong: number][] = [
    ['12345678\n', ['12345678'], 0],
    ['12345678\r\n', ['12345678\r'], 0],
    ['123456789\n', [], 1],
    ['123456789\r\n', [], 1],
    ['12345678', ['12345678'], 0],
    ['12345678\r', ['12345678\r'], 0],
    ['123456789', [], 1],
    ['12345678\r\r\n', [], 1],
  ];
  for (const [text, lines, tooLong] of cases) {
    for (let size = 1; size <= text.length; size++) {
      const reader = new Reader(setting);
      reader.read(Buffer.from(text), [size]);
      reader.end();
      assert.deepEqual(reader.framed, { lines, tooLong }, `${JSON.stringify(text)} by ${size}`);
    }
  }
});

test('a megabyte without a newline is one frame that is too long: counted at once, and the next line is whole', () => {
  const reader = new Reader({ frameMaxBytes: 65_536, readBytes: 16_384 });
  reader.read(Buffer.alloc(1_000_000, 'x'), [16_384]);
  assert.deepEqual(reader.framed, { lines: [], tooLong: 1 }, 'before its end, and without a line behind it');
  reader.read(Buffer.from('tail of it\nnext\n'), [16_384]);
  reader.end();
  assert.deepEqual(reader.framed, { lines: ['next'], tooLong: 1 });
});

test('several lines that are too long, one after the other, are counted each', () => {
  const reader = new Reader({ frameMaxBytes: 8, readBytes: 16 });
  reader.read(Buffer.from(`${`${'y'.repeat(40)}\n`.repeat(5)}ok\n${'z'.repeat(90)}`), [16]);
  reader.end();
  assert.deepEqual(reader.framed, { lines: ['ok'], tooLong: 6 });
});

test('a stream that ends with a newline, or has nothing in it, has no last line', () => {
  for (const text of ['', 'one\n']) {
    const reader = new Reader({ frameMaxBytes: 8, readBytes: 16 });
    reader.read(Buffer.from(text), [3]);
    const before = reader.chunksTooLong.length;
    reader.end();
    assert.equal(reader.chunksTooLong.length, before);
  }
});
