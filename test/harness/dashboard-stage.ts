import type { Browser } from 'playwright-core';
import { ExchangeEmulator } from '../../cmd/testgen/emulator.ts';
import { openBrowser } from './browser.ts';
import { atEnd, type CleanUp } from './clean-up.ts';
import { makeFolder } from './data-folder.ts';
import { sourcesOf } from './line-feed.ts';
import { startHistoryFeed } from './market-history.ts';
import { type Service, startService } from './service.ts';
import { waitUntil } from './wait.ts';

export const LIVE_PRICE = 5_000;
export const TEST_PRICE = 60_000;
export const HISTORY_MINUTES = 1_000;

/** A process with two exchanges of test mode, one of them with a past, one of live mode at other prices, and a browser. */
export class DashboardStage {
  readonly browser: Browser;
  readonly cleanUp: CleanUp;
  service: Service;
  private readonly dataDir: string;
  private readonly environment: Readonly<Record<string, string>>;
  private emulator: ExchangeEmulator;
  private readonly emulatorPort: number;

  private constructor(parts: {
    browser: Browser;
    cleanUp: CleanUp;
    service: Service;
    dataDir: string;
    environment: Readonly<Record<string, string>>;
    emulator: ExchangeEmulator;
    emulatorPort: number;
  }) {
    this.browser = parts.browser;
    this.cleanUp = parts.cleanUp;
    this.service = parts.service;
    this.dataDir = parts.dataDir;
    this.environment = parts.environment;
    this.emulator = parts.emulator;
    this.emulatorPort = parts.emulatorPort;
    atEnd(parts.cleanUp, () => this.emulator.close());
  }

  static async open(cleanUp: CleanUp): Promise<DashboardStage> {
    const seed = 5;
    const past = { minutes: HISTORY_MINUTES, seed, everyMs: 100 };
    const exchange1 = await startHistoryFeed(cleanUp, { ...past, symbols: { BTCUSDT: TEST_PRICE, ETHUSDT: 3_000 } });
    const live = await startHistoryFeed(cleanUp, { ...past, minutes: 5, symbols: { BTCUSDT: LIVE_PRICE } });
    const emulator = newEmulator(0);
    const { port } = await emulator.listen();
    const dataDir = makeFolder(cleanUp);
    const environment = {
      MARKETFLOW_TEST_SOURCES: sourcesOf({ exchange1, exchange2: { port } }),
      MARKETFLOW_LIVE_SOURCES: sourcesOf({ exchange1: live }),
      MARKETFLOW_FEEDS_BACKOFF_MAX: '500ms',
    };
    const service = await startService(cleanUp, { dataDir, environment });
    await waitUntil(
      'the past of an exchange',
      async () => {
        const answer = await service.get('/v1/audit');
        return answer.json().counted > HISTORY_MINUTES * 12;
      },
      20_000,
    );
    const browser = await openBrowser(cleanUp);
    return new DashboardStage({ browser, cleanUp, service, dataDir, environment, emulator, emulatorPort: port });
  }

  get url(): string {
    return this.service.url;
  }

  /** The exchange that is called exchange2 goes away. */
  async cutFeed(): Promise<void> {
    await this.emulator.close();
  }

  async restoreFeed(): Promise<void> {
    this.emulator = newEmulator(this.emulatorPort);
    await this.emulator.listen();
  }

  /** At the same address, after `kill -9`. */
  async startAgain(): Promise<void> {
    const MARKETFLOW_SERVER_PORT = new URL(this.url).port;
    const environment = { ...this.environment, MARKETFLOW_SERVER_PORT };
    this.service = await startService(this.cleanUp, { dataDir: this.dataDir, environment });
  }
}

function newEmulator(port: number): ExchangeEmulator {
  const address = { exchange: 'exchange2', host: '127.0.0.1', port };
  return new ExchangeEmulator({ ...address, symbols: ['BTCUSDT', 'ETHUSDT'], ticksPerSecond: 40, seed: 7 });
}
