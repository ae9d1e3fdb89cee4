import assert from 'node:assert/strict';
import { ExchangeEmulator } from '../../cmd/testgen/emulator.ts';
import { type FaultPlan, parseFaults } from '../../cmd/testgen/faults.ts';
import type { OnSent } from '../../cmd/testgen/sent-batch.ts';
import { atEnd, type CleanUp } from './clean-up.ts';
import { sourcesOf } from './line-feed.ts';

export const EXCHANGES = ['exchange1', 'exchange2', 'exchange3'];
export const SYMBOLS = ['BTCUSDT', 'DOGEUSDT', 'TONUSDT', 'SOLUSDT', 'ETHUSDT'];

export interface EmulatorPlan {
  readonly exchanges?: readonly string[];
  readonly symbols?: readonly string[];
  /** Of each exchange. */
  readonly ticksPerSecond: number | 'max';
  readonly seed: number;
  readonly withQuantity?: boolean;
  /** As `testgen --faults` takes them. */
  readonly faults?: string | null;
  readonly onSent?: OnSent;
}

/** Exchanges in the test's own process, so that what they sent is known; `sources` is the setting that names them. */
export async function startEmulators(
  cleanUp: CleanUp,
  plan: EmulatorPlan,
): Promise<{ emulators: ExchangeEmulator[]; sources: string }> {
  const { exchanges = EXCHANGES, symbols = SYMBOLS, ticksPerSecond, seed, withQuantity, onSent } = plan;
  const faults = faultsOf(plan.faults ?? null);
  const ports: Record<string, { port: number }> = {};
  const emulators: ExchangeEmulator[] = [];
  for (const exchange of exchanges) {
    const address = { exchange, host: '127.0.0.1', port: 0 };
    const emulator = new ExchangeEmulator({ ...address, symbols, ticksPerSecond, seed, withQuantity, faults, onSent });
    atEnd(cleanUp, () => emulator.close());
    ports[exchange] = await emulator.listen();
    emulators.push(emulator);
  }
  return { emulators, sources: sourcesOf(ports) };
}

function faultsOf(text: string | null): FaultPlan | undefined {
  if (text === null) return undefined;
  const problems: string[] = [];
  const plan = parseFaults(text, problems);
  assert.deepEqual(problems, []);
  return plan;
}
