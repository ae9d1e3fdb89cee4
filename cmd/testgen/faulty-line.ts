import type { FaultKind } from './faults.ts';
import { type Draw, drawBelow, drawOne } from './seeded-random.ts';
import type { Expectation } from './sent-batch.ts';

/** A tick's values as they stand in its line. */
export interface LineParts {
  readonly symbol: string;
  readonly price: string;
  readonly eventAtMs: number;
  /** `,"quantity":…,"tradeId":…`, or nothing. */
  readonly tail: string;
}

/** Kinds that spoil the content of a line, each with what a receiver makes of it. */
export const SPOILED_AS = {
  garbage: 'bad_json',
  schema: 'bad_schema',
  badutf8: 'bad_utf8',
  long: 'frame_too_long',
  unknown: 'unknown_symbol',
  zero: 'bad_price',
  negative: 'bad_price',
  infinite: 'bad_price',
  quantity: 'bad_quantity',
  seconds: 'bad_time',
  micros: 'bad_time',
  future: 'future',
  late: 'late',
} as const satisfies Partial<Record<FaultKind, Expectation>>;

export type SpoilingKind = keyof typeof SPOILED_AS;

export function isSpoiling(kind: FaultKind): kind is SpoilingKind {
  return kind in SPOILED_AS;
}

/** The line of a tick, spoiled, without a terminator. `known` holds the symbols that are accepted. */
export function spoiledLine(
  kind: SpoilingKind,
  parameter: number,
  parts: LineParts,
  draw: Draw,
  known: ReadonlySet<string>,
): Buffer {
  const { price, eventAtMs, symbol } = parts;
  switch (kind) {
    case 'garbage':
      return Buffer.from(garbage(parts, draw));
    case 'schema':
      return Buffer.from(wrongSchema(parts, draw));
    case 'badutf8':
      return notUtf8(parts, draw);
    case 'long':
      return longLine(parts, parameter);
    case 'unknown':
      return Buffer.from(line({ ...parts, symbol: unknownSymbol(symbol, draw, known) }));
    case 'zero':
      return Buffer.from(line({ ...parts, price: drawOne(draw, ['0', '0.0', '-0', '0e5']) }));
    case 'negative':
      return Buffer.from(line({ ...parts, price: `-${price}` }));
    case 'infinite':
      return Buffer.from(line({ ...parts, price: drawOne(draw, ['1e999', '1e400', '-1e999']) }));
    case 'quantity':
      return Buffer.from(line({ ...parts, tail: `,"quantity":${drawOne(draw, ['-1', '-0.001', '1e999'])}` }));
    case 'seconds':
      return Buffer.from(line({ ...parts, eventAtMs: Math.floor(eventAtMs / 1_000) }));
    case 'micros':
      return Buffer.from(line({ ...parts, eventAtMs: eventAtMs * 1_000 }));
    case 'future':
      return Buffer.from(line({ ...parts, eventAtMs: eventAtMs + parameter }));
    case 'late':
      return Buffer.from(line({ ...parts, eventAtMs: eventAtMs - parameter }));
  }
}

function line({ symbol, price, eventAtMs, tail }: LineParts): string {
  return `{"symbol":${JSON.stringify(symbol)},"price":${price},"timestamp":${eventAtMs}${tail}}`;
}

function garbage(parts: LineParts, draw: Draw): string {
  const good = line(parts);
  return drawOne<() => string>(draw, [
    () => good.slice(0, 1 + drawBelow(draw, good.length - 1)),
    () => good + good,
    () => `${good.slice(0, -1)},}`,
    () => good.replaceAll('"', "'"),
    () => line({ ...parts, price: 'NaN' }),
    () => line({ ...parts, price: `00${parts.price}` }),
    () => line({ ...parts, price: `+${parts.price}` }),
    () => good.replace(':', '\u0000:'),
    () => 'HTTP/1.1 400 Bad Request',
    () => '\u0000',
  ])();
}

function wrongSchema(parts: LineParts, draw: Draw): string {
  const { price, eventAtMs, tail } = parts;
  const symbol = JSON.stringify(parts.symbol);
  return drawOne(draw, [
    'null',
    '[]',
    '42',
    symbol,
    '{}',
    `{"price":${price},"timestamp":${eventAtMs}${tail}}`,
    `{"symbol":${symbol},"timestamp":${eventAtMs}${tail}}`,
    `{"symbol":${symbol},"price":${price}${tail}}`,
    `{"symbol":null,"price":${price},"timestamp":${eventAtMs}${tail}}`,
    `{"symbol":${symbol},"price":"${price}","timestamp":${eventAtMs}${tail}}`,
    `{"symbol":${symbol},"price":${price},"timestamp":"${eventAtMs}"${tail}}`,
    `{"symbol":${symbol},"price":${price},"timestamp":${eventAtMs},"quantity":"1"}`,
    `{"symbol":${symbol},"price":${price},"timestamp":${eventAtMs},"tradeId":1.5}`,
    `{"symbol":${symbol},"price":${price},"timestamp":${eventAtMs},"tradeId":-1}`,
  ]);
}

/** A stray continuation, an overlong form, a surrogate, a cut sequence, bytes that never occur. */
const NOT_UTF8: readonly [Buffer, ...Buffer[]] = [
  Buffer.from([0x80]),
  Buffer.from([0xc0, 0xaf]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xe2, 0x82]),
  Buffer.from([0xf5, 0x80, 0x80, 0x80]),
  Buffer.from([0xff, 0xfe]),
];

function notUtf8(parts: LineParts, draw: Draw): Buffer {
  const good = Buffer.from(line(parts));
  const at = good.indexOf('","price"');
  return Buffer.concat([good.subarray(0, at), drawOne(draw, NOT_UTF8), good.subarray(at)]);
}

function longLine(parts: LineParts, payloadBytes: number): Buffer {
  const shell = line({ ...parts, tail: `${parts.tail},"note":""` });
  const note = 'x'.repeat(Math.max(0, payloadBytes - Buffer.byteLength(shell)));
  return Buffer.from(line({ ...parts, tail: `${parts.tail},"note":"${note}"` }));
}

function unknownSymbol(symbol: string, draw: Draw, known: ReadonlySet<string>): string {
  const made = `XXX${drawBelow(draw, 1_000_000)}USDT`;
  const name = drawOne(draw, [made, made, made, symbol.toLowerCase(), '__proto__', '', 'БТКUSDT']);
  if (!known.has(name)) return name;
  return known.has(made) ? `${[...known].join('')}?` : made;
}
