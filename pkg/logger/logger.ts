import { isatty } from 'node:tty';
import pino from 'pino';
import { HIDDEN, hideSecrets } from '../config/secrets.ts';

export type Logger = pino.Logger;

export interface LoggerOptions {
  /** A pino level, `silent` included. */
  readonly level: string;
  /** Fields of every line: service, version, role… No pid and no host name unless given here. */
  readonly base: Readonly<Record<string, string | number>>;
  /** Readable lines instead of JSON. */
  readonly pretty: boolean;
  /** Where lines go. */
  readonly destination: LogDestination;
}

/** Takes one or more whole lines at once, and returns when they are written. */
export interface LogDestination {
  write(lines: string): void;
}

/** While stdout takes nothing (disk full, reader gone), lines above this are dropped rather than kept. */
const UNWRITTEN_MAX_BYTES = 1_048_576;
const SECRET_FIELDS = ['authorization', 'cookie', 'password', 'secret', 'token', 'apiKey'];

export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: { ...options.base },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: HIDDEN },
    hooks: { streamWrite: hideSecrets },
  };
  const destination = options.pretty ? await prettyDestination(options.destination) : options.destination;
  return pino(settings, destination);
}

/** True at a terminal. Does not touch `process.stdout`, which would make a pipe non-blocking. */
export function isTerminal(): boolean {
  return isatty(1);
}

/** Standard output, written at once: what was logged before a crash is there. Never fails: a log without a reader is no reason to stop. */
export function stdoutDestination(): LogDestination {
  const stream = pino.destination({ dest: 1, sync: true, maxLength: UNWRITTEN_MAX_BYTES });
  // EPIPE is handled by pino; this is for the rest, such as ENOSPC of a redirected log or EIO of a closed terminal.
  stream.on('error', () => undefined);
  return stream;
}

/** pino-pretty as a function in front of the destination: loaded only at a terminal, and as synchronous as the destination. */
async function prettyDestination(destination: LogDestination): Promise<LogDestination> {
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return {
    write: (line) => {
      destination.write(format(line));
    },
  };
}
