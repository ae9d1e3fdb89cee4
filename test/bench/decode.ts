/** Decoder alone: ns per line, the scanner and `JSON.parse` taking turns at the same lines, symbols in random order. */
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

function renderLine(k: number, withQuantity: boolean): string {
  const { name, price, decimals } = markets[Math.floor(Math.random() * markets.length)]!;
  const tail = withQuantity ? `,"quantity":${(Math.random() * 3).toFixed(4)},"tradeId":${4_000_000_000 + k}` : '';
  const moved = (price * (1 + Math.random() / 100)).toFixed(decimals);
  return `{"symbol":"${name}","price":${moved},"timestamp":${now + (k % 50)}${tail}}`;
}

function makeChunk(withQuantity: boolean) {
  const lines = Array.from({ length: LINES }, (_, k) => renderLine(k, withQuantity));
  const text = Buffer.from(`${lines.join('\n')}\n`);
  const bytes = new Uint8Array(text.length + TAIL_BYTES);
  bytes.set(text);
  return { lines, bytes, view: new DataView(bytes.buffer), end: text.length };
}

type Chunk = ReturnType<typeof makeChunk>;

const ways: Readonly<Record<string, (chunk: Chunk) => void>> = {
  scanner: ({ bytes, view, end }) => {
    batch.reset(0, 0, now);
    decodeLines(bytes, view, 0, end, table, 65_536, batch);
    if (batch.count !== LINES) throw new Error(`${batch.count} rows, rejected ${batch.rejected}`);
  },
  'JSON.parse': ({ lines }) => {
    for (const line of lines) JSON.parse(line);
  },
};

for (const withQuantity of [false, true]) {
  const chunks = Array.from({ length: CHUNKS }, () => makeChunk(withQuantity));
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
    const what = withQuantity ? `${name}, with quantity and trade id` : name;
    process.stdout.write(`${what}: ${at(0.5)} ns/line (tenth ${at(0.1)}, nine tenths ${at(0.9)})\n`);
  }
}
