/** Decoder alone: ns per line, the scanner beside `JSON.parse` of the same lines. */
import { decodeLines, TAIL_BYTES } from '../../internal/adapter/in/exchange/line-json/decode.ts';
import { SymbolTable } from '../../internal/adapter/in/exchange/symbol-table.ts';
import { TickBatch } from '../../internal/domain/model/tick-batch.ts';

const names = ['BTCUSDT', 'DOGEUSDT', 'TONUSDT', 'SOLUSDT', 'ETHUSDT'];
const prices = [67_321.5, 0.12345, 5.1234, 150.25, 3_400.12];
const lines: string[] = [];
for (let i = 0; i < 4_000; i++) {
  const k = i % names.length;
  lines.push(
    `{"symbol":"${names[k]}","price":${(prices[k]! * (1 + (i % 97) / 1e4)).toFixed(k === 1 ? 5 : 2)},"timestamp":${Date.now() + (i % 50)}}`,
  );
}
const text = Buffer.from(`${lines.join('\n')}\n`);
const bytes = new Uint8Array(text.length + TAIL_BYTES);
bytes.set(text);
const view = new DataView(bytes.buffer);
const batch = new TickBatch(lines.length + 8);
const table = new SymbolTable(
  2_000,
  names.map((name, id) => ({ name, id })),
);

function time(what: string, once: () => void): void {
  const samples: number[] = [];
  for (let round = 0; round < 15; round++) {
    const rounds = 100;
    const from = process.hrtime.bigint();
    for (let i = 0; i < rounds; i++) once();
    samples.push(Number(process.hrtime.bigint() - from) / rounds / lines.length);
  }
  samples.sort((a, b) => a - b);
  process.stdout.write(`${what}: ${samples[7]!.toFixed(1)} ns/line\n`);
}

time('scanner', () => {
  batch.reset(0, 0, Date.now());
  decodeLines(bytes, view, 0, text.length, table, 65_536, batch);
  if (batch.count !== lines.length) throw new Error(`${batch.count} rows, rejected ${batch.rejected}`);
});
time('JSON.parse', () => {
  for (const line of lines) JSON.parse(line);
});
