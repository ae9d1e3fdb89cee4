import { parseArgs } from 'node:util';
import { FAULT_KINDS, FAULTS, type FaultPlan, NO_FAULTS, parseFaults } from './faults.ts';

export interface ExchangePort {
  readonly name: string;
  readonly port: number;
}

export interface RunArguments {
  readonly exchanges: readonly ExchangePort[];
  readonly host: string;
  readonly symbols: readonly string[];
  readonly ticksPerSecond: number | 'max';
  readonly seed: number;
  readonly faults: FaultPlan;
  readonly withQuantity: boolean;
  readonly recordPath: string | null;
}

export type Arguments =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly run: RunArguments }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

const VALUE_FLAGS = ['exchange', 'host', 'symbols', 'rate', 'seed', 'faults', 'record'] as const;
const SWITCHES = ['quantity', 'help', 'version'] as const;
type ValueFlag = (typeof VALUE_FLAGS)[number];
type Switch = (typeof SWITCHES)[number];

const STANDARD_SYMBOLS = 'BTCUSDT,DOGEUSDT,TONUSDT,SOLUSDT,ETHUSDT';
const STANDARD_RATE = '100';
const MIN_TICKS_PER_SECOND = 0.1;
const MAX_TICKS_PER_SECOND = 1_000_000;
const MAX_SYMBOLS = 10_000;

/** Reads the command line; all problems at once. */
export function parseArguments(args: readonly string[]): Arguments {
  const problems: string[] = [];
  const { values, switches } = readFlags(args, problems);
  if (problems.length === 0 && switches.has('help')) return { kind: 'help' };
  if (problems.length === 0 && switches.has('version')) return { kind: 'version' };
  const ticksPerSecond = parseRate(values.get('rate') ?? STANDARD_RATE, problems);
  const faultsText = values.get('faults');
  const faults = faultsText === undefined ? NO_FAULTS : parseFaults(faultsText, problems);
  if (ticksPerSecond === 'max' && faults.size > 0) problems.push('--faults: needs a --rate in ticks/s, not max');
  const run: RunArguments = {
    exchanges: parseExchanges(values.get('exchange'), problems),
    host: parseHost(values.get('host') ?? '127.0.0.1', problems),
    symbols: parseSymbols(values.get('symbols') ?? STANDARD_SYMBOLS, problems),
    ticksPerSecond,
    seed: parseSeed(values.get('seed') ?? '1', problems),
    faults,
    withQuantity: switches.has('quantity'),
    recordPath: values.get('record') ?? null,
  };
  return problems.length > 0 ? { kind: 'wrong', problems } : { kind: 'run', run };
}

function readFlags(args: readonly string[], problems: string[]) {
  const options = Object.fromEntries([
    ...VALUE_FLAGS.map((name) => [name, { type: 'string' as const }]),
    ...SWITCHES.map((name) => [name, { type: 'boolean' as const }]),
  ]);
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const values = new Map<ValueFlag, string>();
  const switches = new Set<Switch>();
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`"${token.value}": is no flag, and nothing but flags is taken`);
    if (token.kind !== 'option') continue;
    const valueFlag = VALUE_FLAGS.find((name) => name === token.name);
    const switchFlag = SWITCHES.find((name) => name === token.name);
    if (valueFlag !== undefined) readValue(valueFlag, token.value, values, problems);
    else if (switchFlag === undefined) problems.push(`${token.rawName}: unknown flag, see --help`);
    else if (token.value !== undefined) problems.push(`--${switchFlag}: takes no value, not "${token.value}"`);
    else switches.add(switchFlag);
  }
  return { values, switches };
}

function readValue(
  flag: ValueFlag,
  value: string | undefined,
  values: Map<ValueFlag, string>,
  problems: string[],
): void {
  if (value === undefined || value === '') problems.push(`--${flag}: needs a value`);
  else if (values.has(flag)) problems.push(`--${flag}: is given twice`);
  else values.set(flag, value);
}

function parseExchanges(text: string | undefined, problems: string[]): ExchangePort[] {
  if (text === undefined) {
    if (!problems.some((problem) => problem.startsWith('--exchange')))
      problems.push('--exchange: is required, NAME=PORT[,NAME=PORT…]');
    return [];
  }
  const exchanges: ExchangePort[] = [];
  for (const item of text.split(',')) {
    const [, name, portText] = /^([A-Za-z0-9_-]{1,32})=(\d{1,5})$/.exec(item.trim()) ?? [];
    const port = Number(portText);
    if (name === undefined || port > 65_535) {
      problems.push(`--exchange: "${item}" is not NAME=PORT with a name of A-Z a-z 0-9 _ - and a port from 0 to 65535`);
      continue;
    }
    if (exchanges.some((other) => other.name === name)) problems.push(`--exchange: the name ${name} is given twice`);
    if (port > 0 && exchanges.some((other) => other.port === port))
      problems.push(`--exchange: the port ${port} is given twice`);
    exchanges.push({ name, port });
  }
  return exchanges;
}

function parseHost(text: string, problems: string[]): string {
  if (!/^[A-Za-z0-9.:_-]{1,253}$/.test(text)) problems.push(`--host: "${text}" is not a host name or address`);
  return text;
}

function parseSymbols(text: string, problems: string[]): string[] {
  const symbols = text.split(',').map((symbol) => symbol.trim());
  for (const [index, symbol] of symbols.entries()) {
    if (!/^[A-Za-z0-9:_\-./]{1,32}$/.test(symbol))
      problems.push(`--symbols: "${symbol}" is not 1 to 32 of A-Z a-z 0-9 : _ - . /`);
    else if (symbols.indexOf(symbol) < index) problems.push(`--symbols: ${symbol} is given twice`);
  }
  if (symbols.length > MAX_SYMBOLS) problems.push(`--symbols: ${symbols.length} symbols, at most ${MAX_SYMBOLS}`);
  return symbols;
}

function parseRate(text: string, problems: string[]): number | 'max' {
  if (text === 'max') return 'max';
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (rate >= MIN_TICKS_PER_SECOND && rate <= MAX_TICKS_PER_SECOND) return rate;
  problems.push(
    `--rate: "${text}" is neither max nor a number from ${MIN_TICKS_PER_SECOND} to ${MAX_TICKS_PER_SECOND}`,
  );
  return 1;
}

function parseSeed(text: string, problems: string[]): number {
  const seed = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(seed)) return seed;
  problems.push(`--seed: "${text}" is not a whole number from 0 to 2^53-1`);
  return 0;
}

export function helpText(): string {
  const faults = FAULT_KINDS.map((kind) => {
    const { per, probability, parameter, help } = FAULTS[kind];
    const pattern = `${kind}:${probability}${parameter === undefined ? '' : `:${parameter.standard}${parameter.name}`}`;
    return `  ${pattern.padEnd(24)} ${per === 'second' ? '(per second) ' : ''}${help}`;
  });
  return `testgen emulates exchanges: TCP servers that send ticks as newline-delimited JSON.

  testgen --exchange NAME=PORT[,NAME=PORT…] [flags]

  --exchange LIST   exchanges and their ports; port 0 = any free port
  --host HOST       where to listen (127.0.0.1)
  --symbols A,B     symbols, sent in turn (${STANDARD_SYMBOLS})
  --rate N          ticks/s per exchange over all symbols, 0.1 … 1000000 (${STANDARD_RATE}), or max: as fast as each client reads
  --seed N          same seed, exchange and symbols: same prices and faults (1)
  --faults LIST     name[:probability[:parameter]],…; see below. Not with --rate max
  --quantity        adds quantity and tradeId
  --record FILE     writes what was sent: a JSON object a line,
                    { exchange, connection, line | lineBase64, fault?, expect: tick | blank | reason for rejection }
  --help, --version

Faults, with their standard probability and parameter. A probability is per line, or where it says so per second's worth
of ticks of a connection. A line has at most one fault; late, unknown and the rest are judged by the feed's contract,
for a receiver that accepts the symbols of --symbols only.
${faults.join('\n')}

Prints "NAME listening on tcp://HOST:PORT" per exchange to stdout, and at the end what was sent, by exchange.
Ticks are made only while a client is connected. At most 64 clients per exchange; one that leaves more than 8 MiB unread
is dropped (with --rate max it is waited for).
Exit codes: 0 clean stop by SIGTERM or SIGINT, 64 wrong flags, 69 a port or the record file can't be had, 70 internal fault.
`;
}
