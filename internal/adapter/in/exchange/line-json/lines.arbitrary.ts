import fc from 'fast-check';
import { FRAME_MAX_BYTES, KNOWN_NAMES, RECEIVED_AT_MS } from './decode.test-kit.ts';

const digits = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength, maxLength });

const wholeNumber = fc.oneof(
  fc.constant('0'),
  fc.tuple(fc.constantFrom(...'123456789'), digits(0, 19)).map(([lead, rest]) => lead + rest),
  // Invalid: leading zeros.
  { arbitrary: digits(2, 4).map((text) => `0${text}`), weight: 1 },
);

/** Decimals with 1 to 20 digits on either side of the point. */
export const decimal = fc
  .tuple(wholeNumber, fc.option(digits(1, 20), { nil: undefined }))
  .map(([whole, fraction]) => (fraction === undefined ? whole : `${whole}.${fraction}`));

/** Every form of number that JSON has, and forms that it does not. */
export const numberText = fc.oneof(
  { arbitrary: decimal, weight: 6 },
  {
    arbitrary: fc
      .tuple(fc.constantFrom('', '-'), decimal, fc.constantFrom('e', 'E', 'e+', 'e-', 'E-'), digits(1, 3))
      .map((parts) => parts.join('')),
    weight: 2,
  },
  { arbitrary: decimal.map((text) => `-${text}`), weight: 1 },
  {
    arbitrary: fc.constantFrom(
      ...['0', '-0', '0.0', '0.000', '1e400', '-1e400', '1e-400', '1e999', '5e-324', '1.7976931348623157e308'],
      ...['NaN', 'Infinity', '1.', '.5', '+1', '01', '00', '1e', '0x10', '1_000', '--1', '1.2.3', '٣', '1 2', ''],
    ),
    weight: 2,
  },
);

const timeText = fc.oneof(
  {
    arbitrary: fc.integer({ min: RECEIVED_AT_MS - 9e9, max: RECEIVED_AT_MS + 6_000 }).map(String),
    weight: 8,
  },
  {
    arbitrary: fc.constantFrom(
      ...[RECEIVED_AT_MS + 5_000, RECEIVED_AT_MS + 5_001, 1_230_767_999_999, 1_230_768_000_000].map(String),
      ...[4_102_444_800_000, 4_102_444_800_001, 1_786_310_819, 1_786_310_819_000_000].map(String),
      ...['1.786310819e12', '1786310819000.0', '1786310819000.5', '17863108190e2', '"1786310819000"', 'null', '-1'],
      ...[
        '0000000000000',
        '0786310819000',
        '178631081900',
        '17863108190001',
        '1786310819/00',
        '178631081:000',
        '1e400',
      ],
    ),
    weight: 3,
  },
  { arbitrary: digits(13, 13), weight: 1 },
);

const wrongValue = fc.constantFrom('null', 'true', '"1"', '[]', '{}', '[1]', '{"price":1}', 'undefined');

const idText = fc.oneof(
  fc.maxSafeNat().map(String),
  fc.nat({ max: 99_999 }).map(String),
  fc.constantFrom('0', '-0', '5.0', '5.5', '1e3', '9007199254740991', '9007199254740992', '9007199254740993', '-1'),
  fc.constantFrom('99999999999999999999', '1e400', '999999999999999', '1000000000000000'),
  wrongValue,
);

/** The name as a JSON string, any of its characters perhaps escaped. */
function quoted(name: string, escapes: readonly boolean[]): string {
  const body = [...name].map((character, k) => {
    const code = character.codePointAt(0)!;
    if (code < 0x10000 && (escapes[k % escapes.length] || code < 32)) return `\\u${code.toString(16).padStart(4, '0')}`;
    return character === '"' || character === '\\' ? `\\${character}` : character;
  });
  return `"${body.join('')}"`;
}

const escapes = fc.oneof(
  { arbitrary: fc.constant([false]), weight: 3 },
  { arbitrary: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), weight: 1 },
);

const nameCharacter = fc.constantFrom(...'ABCDUSTZ09:_-./abt"\\ \0\u0001é€𝄞{},');
const name = fc.oneof(
  { arbitrary: fc.constantFrom(...KNOWN_NAMES), weight: 6 },
  { arbitrary: fc.string({ unit: nameCharacter, maxLength: 40 }), weight: 1 },
  { arbitrary: fc.constantFrom('btcusdt', 'XXXUSDT', '', 'BTCUSDT ', 'BTCUSDT\0', '__proto__'), weight: 1 },
);

export const symbolText = fc.oneof(
  { arbitrary: fc.tuple(name, escapes).map(([text, which]) => quoted(text, which)), weight: 12 },
  // Not escaped where it had to be: no JSON.
  {
    arbitrary: fc.constantFrom('"AB\0"', '"A\tB"', '"BTC\\USDT"', '"\\u00zz"', 'BTCUSDT', '"BTCUSDT', "'BTCUSDT'"),
    weight: 1,
  },
  { arbitrary: wrongValue, weight: 1 },
);

const space = fc.oneof(
  { arbitrary: fc.constant(''), weight: 9 },
  { arbitrary: fc.constantFrom(' ', '  ', '\t', '\r', ' \t ', '\v', '\u00a0'), weight: 1 },
);

const extraPair = fc
  .tuple(
    fc.constantFrom('"__proto__"', '"constructor"', '"exchange"', '"toString"', '"Symbol"', '"price "', '""', 'bare'),
    fc.constantFrom(
      '1',
      '"x"',
      'null',
      '{"a":1}',
      '{"symbol":"ETHUSDT","price":1}',
      '[1,{"b":[]}]',
      'nope',
      '"\\ud800"',
    ),
  )
  .map(([key, value]) => [key, value] as const);

const field = (key: string, value: fc.Arbitrary<string>) =>
  fc.tuple(escapes, value).map(([which, text]) => [quoted(key, which), text] as const);

const ending = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r\r\n', ' \n');
const beginning = fc.oneof(
  { arbitrary: fc.constant(''), weight: 12 },
  { arbitrary: fc.constantFrom('\ufeff', ' ', '\ufeff\ufeff', ' \ufeff'), weight: 1 },
);

/** Objects in any order of keys, with keys missing, added and doubled, spaced and escaped in any way. */
export const anyObjectLine = fc
  .tuple(
    fc.shuffledSubarray(
      [
        field('symbol', symbolText),
        field('price', fc.oneof({ arbitrary: numberText, weight: 9 }, { arbitrary: wrongValue, weight: 1 })),
        field('timestamp', timeText),
        field('quantity', fc.oneof({ arbitrary: numberText, weight: 5 }, { arbitrary: wrongValue, weight: 1 })),
        field('tradeId', idText),
        extraPair,
        field('price', numberText),
        field('symbol', symbolText),
      ],
      { minLength: 2 },
    ),
    fc.array(space, { minLength: 1, maxLength: 7 }),
    beginning,
    ending,
  )
  .chain(([fields, spaces, begin, end]) =>
    fc.tuple(...fields).map((pairs) => {
      let k = 0;
      const gap = () => spaces[k++ % spaces.length]!;
      const body = pairs.map(([key, value]) => `${gap()}${key}${gap()}:${gap()}${value}${gap()}`);
      return `${begin}{${body.join(',')}}${end}`;
    }),
  );

/** The usual shape, which the scanner reads by itself, with every number format in its places. */
export const usualLine = fc
  .record({
    symbol: fc.constantFrom(...KNOWN_NAMES.filter((known) => !known.includes('\0'))),
    price: fc.oneof({ arbitrary: decimal, weight: 3 }, { arbitrary: numberText, weight: 1 }),
    time: timeText,
    quantity: fc.option(fc.oneof(decimal, numberText), { nil: undefined }),
    tradeId: fc.option(idText, { nil: undefined }),
    isIdFirst: fc.boolean(),
    ending,
  })
  .map(({ symbol, price, time, quantity, tradeId, isIdFirst, ending: end }) => {
    const options = [
      quantity === undefined ? '' : `,"quantity":${quantity}`,
      tradeId === undefined ? '' : `,"tradeId":${tradeId}`,
    ];
    if (isIdFirst) options.reverse();
    return `{"symbol":"${symbol}","price":${price},"timestamp":${time}${options.join('')}}${end}`;
  });

export const oddLine = fc
  .oneof(
    fc.constantFrom(
      '',
      ' ',
      '\t \v\f',
      '\r',
      '\ufeff',
      '{',
      '}',
      'null',
      '[]',
      '42',
      '"BTCUSDT"',
      '\0',
      '{}',
      'nul',
      '\ufeff\r',
    ),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc
      .constantFrom(FRAME_MAX_BYTES - 1, FRAME_MAX_BYTES, FRAME_MAX_BYTES + 1, FRAME_MAX_BYTES + 2)
      .map((n) => ' '.repeat(n)),
    fc.constantFrom(-1, 0, 1, 2).map((more) => {
      const tick = '{"symbol":"BTCUSDT","price":1,"timestamp":1786310819000}';
      return `${tick}${' '.repeat(FRAME_MAX_BYTES - tick.length + more)}`;
    }),
  )
  .chain((text) => ending.map((end) => text + end));

/** Valid lines of the usual shape with a few bytes replaced, put in or taken out: what a scanner might let through. */
export const mutatedLine = fc
  .tuple(
    fc.record({
      symbol: fc.constantFrom('BTCUSDT', 'A', 'ABCD', 'ABCDEFGHIJKLMNOP', 'AB\0', 'ÄÖÜ', ...KNOWN_NAMES.slice(5, 45)),
      price: fc.constantFrom('67321.5', '0.07052', '1', '123456789', '1234567890.5', '123456789012345', '10'),
      extra: fc.constantFrom('', ',"quantity":0.25', ',"tradeId":81211', ',"quantity":12,"tradeId":9007199254740991'),
    }),
    fc.array(
      fc.record({
        at: fc.nat({ max: 159 }),
        act: fc.constantFrom('replace', 'replace', 'replace', 'insert', 'delete', 'double'),
        byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('"\\0123456789.,:{}-+eE \r\n\0/;'))),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([{ symbol, price, extra }, edits]) => {
    const bytes = [...Buffer.from(`{"symbol":"${symbol}","price":${price},"timestamp":1786310819000${extra}}\n`)];
    for (const { at, act, byte } of edits) {
      const place = at % bytes.length;
      if (act === 'replace') bytes[place] = byte;
      else if (act === 'insert') bytes.splice(place, 0, byte);
      else if (act === 'delete') bytes.splice(place, 1);
      else bytes.splice(place, 0, ...bytes.slice(place, place + (byte % 20)));
    }
    return Uint8Array.from([...bytes, 10]);
  });
