import type { FeedSource } from '../../internal/adapter/in/exchange/feed-supervisor.ts';
import { formatEndpoint } from '../../pkg/config/endpoint.ts';
import { ExchangeEmulator } from '../testgen/emulator.ts';
import type { Source } from './setting-kinds.ts';
import type { Settings } from './settings.ts';

/** Symbols that a generator sends when any is accepted. */
const GENERATED_SYMBOLS = ['BTCUSDT', 'DOGEUSDT', 'TONUSDT', 'SOLUSDT', 'ETHUSDT'];

/** A source of the settings as something to listen to. A generator is an exchange emulator on a port of its own, up while it is listened to. */
export function feedSource(source: Source, settings: Settings, nowMs: () => number): FeedSource {
  const { exchange } = source;
  if (source.kind === 'tcp') {
    const { host, port } = source;
    return {
      exchange,
      address: `tcp://${formatEndpoint(source)}`,
      open: async () => ({ host, port, close: async () => undefined }),
    };
  }
  return {
    exchange,
    address: 'generator',
    open: async () => {
      const emulator = new ExchangeEmulator({
        exchange,
        host: '127.0.0.1',
        port: 0,
        symbols: settings.symbols === '*' ? GENERATED_SYMBOLS : settings.symbols,
        ticksPerSecond: settings.generator.ticksPerSecond,
        seed: settings.generator.seed,
        nowMs,
      });
      const { host, port } = await emulator.listen();
      return { host, port, close: () => emulator.close() };
    },
  };
}
