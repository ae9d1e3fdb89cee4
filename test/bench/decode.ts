/** Decoder alone: ns per line, it and `JSON.parse` alone taking turns at the same lines, symbols in random order. */
import { decodeLines, TAIL_BYTES } from '../../internal/adapter/in/exchange/line-json/decode.ts';
import { SymbolTable } from '../../internal/adapter/in/exchange/symbol-table.ts';
import { TickBatch } from '../../internal/domain/model/tick-batch.ts';

const LINES = 1_000;
const CHUNKS = 40;
const ROUNDS = 3_000;
const WARM_UP = 500;

const markets = [
  { name: 'BTCUSDT', price: 67_321.5, decimals: 1 },
  { name: 'DOGEUSDT', price: 0.12345, decimals: 5 },
  { name: 'TONUSDT', price: 5.1234, decimals: 4 },
  { name: 'SOLUSDT', price: 150.25, decimals: 2 },
  { name: 'ETHUSDT', price: 3_400.12, decimals: 2 },
];
const now = Date.now();
const table = new SymbolTable(
  2_000,
  markets.map(({ name }, id) => ({ name, id })),
);
const batch = new TickBatch(LINES + 8);

interface Line {
  readonly name: string;
  readonly price: string;
  readonly time: number;
  readonly k: number;
}

const SHAPES: Readonly<Record<string, (line: Line) => string>> = {
  usual: ({ name, price, time }) => `{"symbol":"${name}","price":${price},"timestamp":${time}}`,
  'with quantity and trade id': ({ name, price, time, k }) =>
    `{"symbol":"${name}","price":${price},"timestamp":${time},"quantity":${(Math.random() * 3).toFixed(4)},"tradeId":${4_000_000_000 + k}}`,
  'in another order': ({ name, price, time }) => `{"timestamp":${time},"symbol":"${name}","price":${price}}`,
};

function makeChunk(render: (line: Line) => string) {
  const lines = Array.from({ length: LINES }, (_, k) => {
    const { name, price, decimals } = markets[Math.floor(Math.random() * markets.length)]!;
    return render({ name, price: (price * (1 + Math.random() / 100)).toFixed(decimals), time: now + (k % 50), k });
  });
  const text = Buffer.from(`${lines.join('\n')}\n`);
  const bytes = new Uint8Array(text.length + TAIL_BYTES);
  bytes.set(text);
  return { lines, bytes, view: new DataView(bytes.buffer), end: text.length };
}

type Chunk = ReturnType<typeof makeChunk>;

const ways: Readonly<Record<string, (chunk: Chunk) => void>> = {
  decodeLines: ({ bytes, view, end }) => {
    batch.reset(0, 0, now);
    decodeLines(bytes, view, 0, end, table, 65_536, batch);
    if (batch.count !== LINES) throw new Error(`${batch.count} rows, rejected ${batch.rejected}`);
  },
  'JSON.parse': ({ lines }) => {
    for (const line of lines) JSON.parse(line);
  },
};

for (const [shape, render] of Object.entries(SHAPES)) {
  const chunks = Array.from({ length: CHUNKS }, () => makeChunk(render));
  const samples = Object.entries(ways).map(([name, run]) => ({ name, run, nsPerLine: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { run, nsPerLine } of samples) {
      const from = process.hrtime.bigint();
      run(chunks[round % CHUNKS]!);
      if (round >= WARM_UP) nsPerLine.push(Number(process.hrtime.bigint() - from) / LINES);
    }
  }
  for (const { name, nsPerLine } of samples) {
    nsPerLine.sort((a, b) => a - b);
    const at = (share: number) => nsPerLine[Math.floor(nsPerLine.length * share)]!.toFixed(1);
    process.stdout.write(`${shape}, ${name}: ${at(0.5)} ns/line (tenth ${at(0.1)}, nine tenths ${at(0.9)})\n`);
  }
}
