import packageJson from '../../package.json' with { type: 'json' };
import { createLogger, isTerminal, type Logger, stdoutDestination } from '../../pkg/logger/logger.ts';
import { type Command, HELP, parseCommandLine } from './arguments.ts';
import { checkConfig, findWarnings } from './config-check.ts';
import { refusedByServer } from './data-errors.ts';
import { EXIT_CODE, type ExitCode, errorLine, StartupError } from './exit-code.ts';
import { keepHeapTight } from './heap.ts';
import { keepNextTickShape } from './next-tick-shape.ts';
import type { MarketFlow } from './process.ts';
import { startRole } from './roles.ts';
import { readSettings, readSettingsFile } from './settings.ts';

const startedAtMs = performance.timeOrigin;
const { version } = packageJson;

/** A stop that takes longer is cut short: what is accepted is in the log. */
const STOP_DEADLINE_MS = 9_500;
/** A start that is told to stop has this long to come to its end; then it is cut short, as `kill -9` may do at any time. */
const START_GRACE_MS = 1_000;

function exitWith(code: ExitCode, message?: string): never {
  if (message !== undefined) process.stderr.write(errorLine(message));
  process.exit(code);
}

/** For commands that answer and end. A reader that has gone, as in `| head -1`, is no failure. */
function print(text: string): void {
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') exitWith(EXIT_CODE.ok);
    exitWith(EXIT_CODE.internal, `stdout can't be written (${code})`);
  });
  process.stdout.write(text);
}

async function run(command: Extract<Command, { kind: 'run' }>, isStopAsked: () => boolean): Promise<void> {
  const signals = new StopSignals();
  if (isStopAsked()) signals.leaveStart();
  const file = await readSettingsFile(command.configFile);
  const loaded = readSettings({ file, environment: process.env, flags: command.flags });
  if (!loaded.ok) {
    for (const problem of loaded.problems) process.stderr.write(errorLine(problem));
    process.exit(EXIT_CODE.config);
  }
  const { settings } = loaded;
  keepHeapTight(settings);
  keepNextTickShape();
  const logger = await createLogger({
    level: settings.logLevel,
    base: { service: 'marketflow' },
    pretty: isTerminal(),
    destination: stdoutDestination(),
  });
  signals.logTo(logger);
  for (const { key, message, explanation } of findWarnings(settings))
    logger.warn({ why: explanation }, `${key} ${message}`);
  const onFatal = (cause: unknown): never => {
    const refusal = refusedByServer(cause);
    if (refusal !== null) {
      logger.fatal({ reason: refusal }, 'a needed server refuses');
      exitWith(EXIT_CODE.unavailable, refusal);
    }
    logger.fatal({ err: cause }, 'internal fault');
    exitWith(EXIT_CODE.internal, faultLine(cause));
  };
  process.on('uncaughtException', onFatal);
  process.on('unhandledRejection', onFatal);

  try {
    const marketflow = await startRole({ settings, logger, version, startedAtMs, nowMs: Date.now, onFatal });
    const { url } = marketflow;
    const line = { url, prices: `${url}/prices/latest/BTCUSDT`, docs: `${url}/docs`, mode: marketflow.mode(), version };
    logger.info({ ...line, node: process.version }, 'listening');
    signals.serve(marketflow);
  } catch (error) {
    if (!(error instanceof StartupError)) onFatal(error);
    else if (signals.isAsked) signals.leaveStart();
    else exitWith(error.exitCode, error.message);
  }
}

/** SIGTERM or SIGINT stops, also while the process starts; a second one stops waiting. */
class StopSignals {
  private logger: Logger | null = null;
  private marketflow: MarketFlow | null = null;
  private startGrace: NodeJS.Timeout | undefined;
  private asked = false;

  constructor() {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.ask(signal));
  }

  logTo(logger: Logger): void {
    this.logger = logger;
  }

  get isAsked(): boolean {
    return this.asked;
  }

  serve(marketflow: MarketFlow): void {
    this.marketflow = marketflow;
    clearTimeout(this.startGrace);
    if (this.asked) void this.stop(marketflow);
  }

  leaveStart(): never {
    this.logger?.info('stopped before the start was over');
    exitWith(EXIT_CODE.ok);
  }

  private ask(signal: string): void {
    if (this.asked) {
      this.logger?.warn({ signal }, 'stopping at once; the tick log is replayed at the next start');
      exitWith(EXIT_CODE.ok);
    }
    this.asked = true;
    this.logger?.info({ signal }, 'stopping');
    if (this.marketflow !== null) void this.stop(this.marketflow);
    else this.startGrace = setTimeout(() => this.leaveStart(), START_GRACE_MS);
  }

  private async stop(marketflow: MarketFlow): Promise<void> {
    setTimeout(() => {
      this.logger?.warn('the stop took too long; the tick log is replayed at the next start');
      exitWith(EXIT_CODE.ok);
    }, STOP_DEADLINE_MS).unref();
    try {
      await marketflow.stop();
    } catch (error) {
      this.logger?.warn(
        { reason: error instanceof Error ? error.message : String(error) },
        'not everything stopped cleanly',
      );
    }
    this.logger?.info('stopped');
    exitWith(EXIT_CODE.ok);
  }
}

/** The whole of the program, from its arguments to its exit code. `isStopAsked`: by a signal, before this was called or since. */
export async function main(isStopAsked: () => boolean): Promise<void> {
  try {
    await obey(parseCommandLine(process.argv.slice(2)), isStopAsked);
  } catch (cause) {
    exitWith(EXIT_CODE.internal, faultLine(cause));
  }
}

async function obey(command: Command, isStopAsked: () => boolean): Promise<void> {
  switch (command.kind) {
    case 'help':
      print(HELP);
      return;
    case 'version':
      print(`${version}\n`);
      return;
    case 'error':
      exitWith(EXIT_CODE.usage, command.message);
      break;
    case 'check': {
      const file = await readSettingsFile(command.configFile);
      const { exitCode, stdout, stderr } = checkConfig(readSettings({ file, environment: process.env, flags: [] }));
      if (exitCode !== EXIT_CODE.ok) {
        process.stderr.write(stderr);
        process.exit(exitCode);
      }
      print(stdout);
      return;
    }
    case 'run':
      await run(command, isStopAsked);
  }
}

function faultLine(cause: unknown): string {
  return `internal fault: ${cause instanceof Error ? cause.message : String(cause)}`;
}
