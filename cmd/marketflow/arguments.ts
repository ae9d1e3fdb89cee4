import { parseArgs } from 'node:util';
import type { GivenValue } from '../../pkg/config/layer.ts';
import { readValue } from '../../pkg/config/load.ts';
import { hideSecrets } from '../../pkg/config/secrets.ts';
import { didYouMean } from '../../pkg/config/suggestion.ts';
import { SETTING_TABLE, type SettingKey } from './settings.ts';

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'check'; readonly configFile: string | null }
  | { readonly kind: 'run'; readonly configFile: string | null; readonly flags: readonly GivenValue[] }
  /** One line; the exit code is `EXIT_CODE.usage`. */
  | { readonly kind: 'error'; readonly message: string };

/** Flags that are settings. */
const SETTING_FLAGS: ReadonlyMap<string, SettingKey> = new Map([
  ['port', 'server.port'],
  ['mode', 'mode'],
  ['role', 'role'],
]);

/** What stands for the value of a flag in a message. */
const FLAG_VALUES = new Map([
  ['config', 'FILE'],
  ['port', 'N'],
  ['mode', 'live|test'],
  ['role', 'all|api'],
]);

export const FLAG_NAMES: readonly string[] = [...FLAG_VALUES.keys(), 'help', 'version'];
const COMMAND_WORDS = ['config check', 'config', 'check'];
const SEE_HELP = '; marketflow --help lists them all';

export const HELP = `marketflow - exchanges in, prices and candles out, every tick accounted for

Usage:
  marketflow [--port N] [--config FILE] [--mode live|test]
             [--role all|api]
  marketflow config check [--config FILE]
  marketflow --help | --version

Without a command it runs until SIGTERM or SIGINT, then saves what it has and stops.
config check prints the settings in force, and where each comes from, then ends.

Flags:
  --port N          port that HTTP listens on; 0 takes any free one (8080)
  --config FILE     settings in YAML
  --mode live|test  mode at the first start (test); a later start goes on in the
                    mode that was switched to last
  --role all|api    all: the whole pipeline (all); api: answers out of Redis and
                    PostgreSQL what a process of the role all wrote there, and
                    has no data folder
  -h, --help        this text
  --version         the version

Settings: flags win over the environment, the environment over the file, the file
over the defaults. server.port in the file is MARKETFLOW_SERVER_PORT in the
environment; an empty variable is not set. The most used ones:
  MARKETFLOW_SERVER_HOST   address that HTTP listens on (127.0.0.1)
  MARKETFLOW_SERVER_PORT   as --port
  MARKETFLOW_MODE          as --mode
  MARKETFLOW_DATA_DIR      folder for everything that is kept (./data)
  MARKETFLOW_SYMBOLS       accepted symbols: A,B,C or * for up to 2,000
  MARKETFLOW_LIVE_SOURCES  exchanges of live mode: NAME=tcp://HOST:PORT,...
  MARKETFLOW_TEST_SOURCES  exchanges of test mode: NAME=generator,...
  MARKETFLOW_POSTGRES_URL  PostgreSQL in place of SQLite in the data folder
  MARKETFLOW_REDIS_URL     Redis, for latest prices that other processes can read
  MARKETFLOW_LOG_LEVEL     trace, debug, info, warn, error, fatal or silent (info)
Durations are written 500ms, 10s, 2m, 1h, 7d; sizes 64KiB, 16MiB, 4GiB.

Data: the tick log, candles and the remembered mode are in the data folder, which
one process may use at a time. The log goes to stdout: readable lines at a
terminal, JSON elsewhere. Errors at the start go to stderr.

Exit codes:
   0  clean stop
  64  wrong flags
  69  a port or the data folder is taken or can't be written, or a needed server
      refuses
  70  internal fault
  78  wrong configuration, or data of a newer format
`;

/** What the command line asks for. `argv` is without the names of the program. Of help, version and an error, the first wins. */
export function parseCommandLine(argv: readonly string[]): Command {
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: {
      config: { type: 'string' },
      port: { type: 'string' },
      mode: { type: 'string' },
      role: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
  const words: string[] = [];
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, value, inlineValue, index } = token;
    const rawName = (argv[index] ?? token.rawName).replace(/=.*/s, '');
    if (!FLAG_NAMES.includes(name)) return unknownFlag(rawName);
    if (name === 'help' || name === 'version') {
      return inlineValue === true ? failure(`flag --${name} takes no value`) : { kind: name };
    }
    // `--port --mode live` forgot a value; `--port -1` gave a wrong one.
    if (value === undefined || value === '' || (inlineValue !== true && value.startsWith('--'))) {
      return failure(`flag --${name} has no value: must be --${name} ${FLAG_VALUES.get(name)}`);
    }
    if (values.has(name)) return failure(`flag --${name} is given twice: must be given once`);
    values.set(name, value);
  }
  return words.length > 0 ? toCheckCommand(words, values) : toRunCommand(values);
}

function toRunCommand(values: ReadonlyMap<string, string>): Command {
  const flags: GivenValue[] = [];
  for (const [flag, key] of SETTING_FLAGS) {
    const value = values.get(flag);
    if (value === undefined) continue;
    const given: GivenValue = { key, value, origin: { kind: 'flag', name: `--${flag}` } };
    const reading = readValue<unknown>(SETTING_TABLE[key], given);
    if (!reading.ok) return failure(reading.problems.map((problem) => problem.message).join('; '));
    flags.push(given);
  }
  return { kind: 'run', configFile: values.get('config') ?? null, flags };
}

function toCheckCommand(words: readonly string[], values: ReadonlyMap<string, string>): Command {
  const command = words.join(' ');
  if (command === 'config') return failure('"config" is not a whole command: must be config check');
  if (command !== 'config check') {
    return failure(
      `${quoted(command)} is not a command${didYouMean(command, COMMAND_WORDS)}: must be config check or nothing`,
    );
  }
  const flag = [...values.keys()].find((name) => name !== 'config');
  if (flag !== undefined) return failure(`flag --${flag} is not one of config check: it takes --config only`);
  return { kind: 'check', configFile: values.get('config') ?? null };
}

function unknownFlag(rawName: string): Command {
  const flags = FLAG_NAMES.map((name) => `--${name}`);
  return failure(`${quoted(rawName)} is not a flag${didYouMean(rawName, flags)}${SEE_HELP}`);
}

function quoted(text: string): string {
  return JSON.stringify(hideSecrets(text.slice(0, 80)));
}

function failure(message: string): Command {
  return { kind: 'error', message };
}
