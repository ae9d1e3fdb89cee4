export const FAULT_KINDS = [
  'disconnect',
  'stall',
  'burst',
  'split',
  'crlf',
  'blank',
  'reorder',
  'duplicate',
  'garbage',
  'schema',
  'badutf8',
  'long',
  'unknown',
  'zero',
  'negative',
  'infinite',
  'quantity',
  'seconds',
  'micros',
  'future',
  'late',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

interface FaultParameter {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly standard: number;
}

export interface FaultDescription {
  /** What the probability is drawn for: every line, or once per second's worth of ticks. */
  readonly per: 'line' | 'second';
  readonly probability: number;
  readonly parameter?: FaultParameter;
  readonly help: string;
}

export const FAULTS: Readonly<Record<FaultKind, FaultDescription>> = {
  disconnect: { per: 'second', probability: 0.05, help: 'close the connection after a whole line' },
  stall: {
    per: 'second',
    probability: 0.02,
    parameter: { name: 'ms', min: 1, max: 3_600_000, standard: 12_000 },
    help: 'stay connected, send nothing; the ticks of that time are lost to the client',
  },
  burst: {
    per: 'second',
    probability: 0.1,
    parameter: { name: 'ticks', min: 1, max: 100_000, standard: 1_000 },
    help: 'extra good ticks at once, to all clients',
  },
  split: { per: 'line', probability: 0.02, help: 'write the line in pieces of 1 to 7 bytes' },
  crlf: { per: 'line', probability: 0.05, help: 'end the line in CRLF' },
  blank: { per: 'line', probability: 0.02, help: 'a line of white space before the line' },
  reorder: {
    per: 'line',
    probability: 0.2,
    parameter: { name: 'ms', min: 1, max: 1_900, standard: 500 },
    help: 'event time moved back by less than that',
  },
  duplicate: {
    per: 'line',
    probability: 0.01,
    help: 'send the line twice (without --quantity, which adds trade ids, both are good ticks)',
  },
  garbage: { per: 'line', probability: 0.01, help: 'not JSON: bad_json' },
  schema: { per: 'line', probability: 0.01, help: 'JSON with a missing key or a wrong type: bad_schema' },
  badutf8: { per: 'line', probability: 0.01, help: 'not UTF-8: bad_utf8' },
  long: {
    per: 'line',
    probability: 0.0005,
    parameter: { name: 'bytes', min: 66_000, max: 1_048_576, standard: 70_000 },
    help: 'a line over 64 KiB: frame_too_long',
  },
  unknown: { per: 'line', probability: 0.01, help: 'a symbol that is not in --symbols: unknown_symbol' },
  zero: { per: 'line', probability: 0.005, help: 'price 0: bad_price' },
  negative: { per: 'line', probability: 0.005, help: 'price below 0: bad_price' },
  infinite: { per: 'line', probability: 0.005, help: 'price 1e999: bad_price' },
  quantity: { per: 'line', probability: 0.005, help: 'quantity below 0 or infinite: bad_quantity' },
  seconds: { per: 'line', probability: 0.005, help: 'timestamp in seconds: bad_time' },
  micros: { per: 'line', probability: 0.005, help: 'timestamp in microseconds: bad_time' },
  future: {
    per: 'line',
    probability: 0.005,
    parameter: { name: 'ms', min: 6_000, max: 86_400_000, standard: 10_000 },
    help: 'event time ahead of the clock: future',
  },
  late: {
    per: 'line',
    probability: 0.005,
    parameter: { name: 'ms', min: 180_000, max: 86_400_000, standard: 600_000 },
    help: 'event time back, not before a good tick was sent: late',
  },
};

export interface FaultSetting {
  readonly probability: number;
  /** Meaning and unit as in `FAULTS`; 0 where the kind has none. */
  readonly parameter: number;
}

export type FaultPlan = ReadonlyMap<FaultKind, FaultSetting>;

export const NO_FAULTS: FaultPlan = new Map();

export type FaultCounts = Record<FaultKind, number>;

export function noFaultCounts(): FaultCounts {
  const counts: Partial<FaultCounts> = {};
  for (const kind of FAULT_KINDS) counts[kind] = 0;
  return counts as FaultCounts;
}

/** Reads `name[:probability[:parameter]],…`; what is wrong is appended to `problems`. */
export function parseFaults(text: string, problems: string[]): FaultPlan {
  const plan = new Map<FaultKind, FaultSetting>();
  for (const item of text.split(',')) {
    const [name = '', probabilityText, parameterText, ...rest] = item.trim().split(':');
    const kind = FAULT_KINDS.find((known) => known === name);
    if (kind === undefined) {
      problems.push(`--faults: "${name}" is no fault; known are ${FAULT_KINDS.join(' ')}`);
      continue;
    }
    if (plan.has(kind)) problems.push(`--faults: ${kind} is given twice`);
    if (rest.length > 0) problems.push(`--faults: "${item}" has more parts than name:probability:parameter`);
    plan.set(kind, {
      probability: parseProbability(kind, probabilityText, problems),
      parameter: parseParameter(kind, parameterText, problems),
    });
  }
  const share = lineFaultShare(plan);
  if (share > 1 + 1e-9) {
    problems.push(
      `--faults: a line has one fault at most, the probabilities of line faults add up to ${share}, over 1`,
    );
  }
  return plan;
}

function parseProbability(kind: FaultKind, text: string | undefined, problems: string[]): number {
  if (text === undefined) return FAULTS[kind].probability;
  const probability = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (probability >= 0 && probability <= 1) return probability;
  problems.push(`--faults: the probability of ${kind} is "${text}", not a number from 0 to 1`);
  return 0;
}

function parseParameter(kind: FaultKind, text: string | undefined, problems: string[]): number {
  const parameter = FAULTS[kind].parameter;
  if (text === undefined) return parameter?.standard ?? 0;
  if (parameter === undefined) {
    problems.push(`--faults: ${kind} takes a probability only, not "${text}"`);
    return 0;
  }
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= parameter.min && value <= parameter.max) return value;
  problems.push(
    `--faults: ${parameter.name} of ${kind} is "${text}", not a whole number from ${parameter.min} to ${parameter.max}`,
  );
  return parameter.standard;
}

function lineFaultShare(plan: FaultPlan): number {
  let share = 0;
  for (const [kind, setting] of plan) if (FAULTS[kind].per === 'line') share += setting.probability;
  return share;
}
