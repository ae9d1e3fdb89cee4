import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { MaxRateMarket } from './block-sender.ts';
import { type EmulatorCounters, newCounters } from './counters.ts';
import { type FaultPlan, NO_FAULTS } from './faults.ts';
import { type Market, type MarketOptions, PacedMarket } from './paced-market.ts';
import type { OnSent } from './sent-batch.ts';

export interface EmulatorOptions {
  readonly exchange: string;
  readonly host: string;
  /** 0 = any free port; `listen` tells which. */
  readonly port: number;
  /** At least one. */
  readonly symbols: readonly string[];
  /** Over all symbols; `max` = as fast as each client reads. */
  readonly ticksPerSecond: number | 'max';
  readonly seed: number;
  /** Needs a rate: with `max` the constructor throws a RangeError. */
  readonly faults?: FaultPlan | undefined;
  /** Adds quantity and trade id to every tick. */
  readonly withQuantity?: boolean | undefined;
  /** The exchange's wall clock, Unix ms. */
  readonly nowMs?: (() => number) | undefined;
  /** Called with every batch as it is handed to a socket; the bytes are valid until it returns. */
  readonly onSent?: OnSent | undefined;
}

export interface EmulatorAddress {
  readonly host: string;
  readonly port: number;
}

/** More clients than this are turned away. */
const MAX_CONNECTIONS = 64;

/** One exchange: a TCP server that sends ticks to whoever is connected, from then on. */
export class ExchangeEmulator {
  readonly counters: EmulatorCounters = newCounters();
  readonly #options: EmulatorOptions;
  readonly #market: Market;
  readonly #server: Server;
  #listening: Promise<unknown> = Promise.resolve();

  constructor(options: EmulatorOptions) {
    this.#options = options;
    this.#market = openMarket(options, this.counters);
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Rejects with the system's error (`EADDRINUSE`, `EACCES`, …) when the port can't be had. Once per emulator. */
  async listen(): Promise<EmulatorAddress> {
    this.#server.listen(this.#options.port, this.#options.host);
    const listening = once(this.#server, 'listening');
    this.#listening = listening.catch(() => {});
    await listening;
    const address = this.#server.address() as AddressInfo;
    return { host: address.address, port: address.port };
  }

  /** Drops all clients and frees the port. Idempotent; leaves no handle. */
  async close(): Promise<void> {
    this.#market.close();
    await this.#listening;
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #accept(socket: Socket): void {
    // A client that goes away is no error of ours; what it sends is not for us.
    socket.on('error', () => socket.destroy());
    socket.resume();
    if (!this.#server.listening) {
      socket.destroy();
      return;
    }
    this.#market.join(socket, ++this.counters.connections);
  }
}

function openMarket(options: EmulatorOptions, counters: EmulatorCounters): Market {
  const { exchange, symbols, seed, withQuantity = false, faults = NO_FAULTS, nowMs = Date.now, onSent } = options;
  const marketOptions: MarketOptions = { exchange, symbols, seed, withQuantity, faults, nowMs, onSent, counters };
  if (options.ticksPerSecond !== 'max') return new PacedMarket(marketOptions, options.ticksPerSecond);
  if (faults.size > 0) throw new RangeError('faults need a rate in ticks per second, not max');
  return new MaxRateMarket(marketOptions);
}
