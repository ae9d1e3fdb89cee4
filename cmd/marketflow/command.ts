import packageJson from '../../package.json' with { type: 'json' };
import { createLogger, isTerminal, type Logger, stdoutDestination } from '../../pkg/logger/logger.ts';
import { HELP, parseCommandLine } from './arguments.ts';
import { checkConfig, findWarnings } from './config-check.ts';
import { refusedByServer } from './data-errors.ts';
import { EXIT_CODE, type ExitCode, errorLine, StartupError } from './exit-code.ts';
import { keepHeapTight } from './heap.ts';
import type { MarketFlow } from './process.ts';
import { startRole } from './roles.ts';
import { readSettings, readSettingsFile } from './settings.ts';

const startedAtMs = performance.timeOrigin;
const { version } = packageJson;

/** A stop that takes longer is cut short: what is accepted is in the log. */
const STOP_DEADLINE_MS = 9_500;

function exitWith(code: ExitCode, message?: string): never {
  if (message !== undefined) process.stderr.write(errorLine(message));
  process.exit(code);
}

async function run(command: Extract<ReturnType<typeof parseCommandLine>, { kind: 'run' }>): Promise<void> {
  const file = await readSettingsFile(command.configFile);
  const loaded = readSettings({ file, environment: process.env, flags: command.flags });
  if (!loaded.ok) {
    for (const problem of loaded.problems) process.stderr.write(errorLine(problem));
    process.exit(EXIT_CODE.config);
  }
  const { settings } = loaded;
  keepHeapTight(settings);
  const logger = await createLogger({
    level: settings.logLevel,
    base: { service: 'marketflow' },
    pretty: isTerminal(),
    destination: stdoutDestination(),
  });
  for (const { key, message, explanation } of findWarnings(settings))
    logger.warn({ why: explanation }, `${key} ${message}`);
  const onFatal = (cause: unknown): never => {
    const refusal = refusedByServer(cause);
    if (refusal !== null) {
      logger.fatal({ reason: refusal }, 'a needed server refuses');
      exitWith(EXIT_CODE.unavailable, refusal);
    }
    logger.fatal({ err: cause }, 'internal fault');
    exitWith(EXIT_CODE.internal, `internal fault: ${cause instanceof Error ? cause.message : String(cause)}`);
  };
  process.on('uncaughtException', onFatal);
  process.on('unhandledRejection', onFatal);

  const signals = new StopSignals(logger);
  try {
    const marketflow = await startRole({ settings, logger, version, startedAtMs, nowMs: Date.now, onFatal });
    const { url } = marketflow;
    const line = { url, prices: `${url}/prices/latest/BTCUSDT`, docs: `${url}/docs`, mode: marketflow.mode(), version };
    logger.info({ ...line, node: process.version }, 'listening');
    signals.serve(marketflow);
  } catch (error) {
    if (error instanceof StartupError) exitWith(error.exitCode, error.message);
    onFatal(error);
  }
}

/** SIGTERM or SIGINT stops; a second one stops waiting. */
class StopSignals {
  private readonly logger: Logger;
  private marketflow: MarketFlow | null = null;
  private asked = false;

  constructor(logger: Logger) {
    this.logger = logger;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.ask(signal));
  }

  serve(marketflow: MarketFlow): void {
    this.marketflow = marketflow;
    if (this.asked) void this.stop(marketflow);
  }

  private ask(signal: string): void {
    if (this.asked) {
      this.logger.warn({ signal }, 'stopping at once; the tick log is replayed at the next start');
      exitWith(EXIT_CODE.ok);
    }
    this.asked = true;
    this.logger.info({ signal }, 'stopping');
    if (this.marketflow !== null) void this.stop(this.marketflow);
  }

  private async stop(marketflow: MarketFlow): Promise<void> {
    setTimeout(() => {
      this.logger.warn('the stop took too long; the tick log is replayed at the next start');
      exitWith(EXIT_CODE.ok);
    }, STOP_DEADLINE_MS).unref();
    try {
      await marketflow.stop();
    } catch (error) {
      this.logger.warn(
        { reason: error instanceof Error ? error.message : String(error) },
        'not everything stopped cleanly',
      );
    }
    this.logger.info('stopped');
    exitWith(EXIT_CODE.ok);
  }
}

/** The whole of the program, from its arguments to its exit code. */
export async function main(): Promise<void> {
  const command = parseCommandLine(process.argv.slice(2));
  switch (command.kind) {
    case 'help':
      process.stdout.write(HELP);
      return;
    case 'version':
      process.stdout.write(`${version}\n`);
      return;
    case 'error':
      exitWith(EXIT_CODE.usage, command.message);
      break;
    case 'check': {
      const file = await readSettingsFile(command.configFile);
      const result = checkConfig(readSettings({ file, environment: process.env, flags: [] }));
      process.stdout.write(result.stdout);
      process.stderr.write(result.stderr);
      process.exitCode = result.exitCode;
      return;
    }
    case 'run':
      await run(command);
  }
}
