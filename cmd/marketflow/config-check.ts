import { isLoopback } from '../../pkg/config/endpoint.ts';
import type { EffectiveSetting } from '../../pkg/config/load.ts';
import { describeOrigin } from '../../pkg/config/problem.ts';
import { EXIT_CODE, type ExitCode, errorLine } from './exit-code.ts';
import type { Source } from './setting-kinds.ts';
import { type LoadedSettings, SECONDS_SYMBOLS_MAX, type SettingKey, type Settings } from './settings.ts';

/** A legal setting that is probably not meant: what it is, and what follows from it. */
export interface Warning {
  readonly key: SettingKey;
  readonly message: string;
  readonly explanation: string;
}

export interface CheckResult {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * `marketflow config check`: the settings in force as YAML, the origin of each as a comment, warnings at the end.
 * What it prints is a configuration file for the same settings, but for hidden secrets. If they can't be used: every problem, one a line.
 */
export function checkConfig(loaded: LoadedSettings): CheckResult {
  if (!loaded.ok) return { exitCode: EXIT_CODE.config, stdout: '', stderr: loaded.problems.map(errorLine).join('') };
  const warnings = findWarnings(loaded.settings).map(
    ({ key, message, explanation }) => `# warning: ${key} ${message}: ${explanation}`,
  );
  const lines = [...settingLines(loaded.effective), ...warnings];
  return { exitCode: EXIT_CODE.ok, stdout: `${lines.join('\n')}\n`, stderr: '' };
}

function settingLines(effective: readonly EffectiveSetting[]): string[] {
  const lines: string[] = [];
  let openSection = '';
  for (const { key, shown, origin } of effective) {
    const [section, name] = key.includes('.') ? (key.split('.') as [string, string]) : ['', key];
    if (section !== openSection && section !== '') lines.push(`${section}:`);
    openSection = section;
    lines.push(`${section === '' ? '' : '  '}${name}: ${yamlScalar(shown)}  # ${describeOrigin(origin)}`);
  }
  return lines;
}

/** Plain when a YAML parser reads it as the same text, else in quotes: a JSON string is a YAML string. */
function yamlScalar(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const plain = /^[\w./][\w./:=,[\]-]*(?<!:)$/.test(value) && !/^(true|false|null|\.inf|\.nan)$/i.test(value);
  return plain && Number.isNaN(Number(value)) ? value : JSON.stringify(value);
}

/** Also logged at the start of the service. */
export function findWarnings(settings: Settings): readonly Warning[] {
  const warnings: Warning[] = [];
  const warn = (key: SettingKey, message: string, explanation: string): void => {
    warnings.push({ key, message, explanation });
  };
  const { server, tickLog, candles, live, test, dataDir } = settings;
  if (!isLoopback(server.host)) {
    const explanation = 'anyone who reaches it can read prices and switch the mode, this version has no authentication';
    warn('server.host', `${server.host} is not a loopback address`, explanation);
  }
  if (dataDir.startsWith('~')) {
    warn(
      'dataDir',
      'starts with ~',
      'only a shell replaces it, this is a folder of that name in the working directory',
    );
  }
  if (tickLog.kind === 'memory') {
    warn('tickLog.kind', 'is memory', 'ticks accepted since the last checkpoint are lost when the process crashes');
    if (tickLog.durability === 'sync') {
      warn('tickLog.durability', 'is sync', 'without effect, because a log in memory is never written');
    }
  }
  if (candles.latenessMs < candles.slackMs) {
    const explanation = 'minutes close only after the slack, so the shorter lateness never admits a revision';
    warn('candles.lateness', 'is shorter than candles.slack', explanation);
  }
  if (candles.secondsLeftOut) {
    const explanation = `with more than ${SECONDS_SYMBOLS_MAX} symbols candles of one second are not kept`;
    warn('candles.intervals', 'has 1s', explanation);
  }
  if (live.sources.some(({ kind }) => kind === 'generator')) {
    warn('live.sources', 'has a generator', 'prices of live mode are then invented');
  }
  for (const [key, sources] of [
    ['live.sources', live.sources],
    ['test.sources', test.sources],
  ] as const) {
    const address = repeatedAddress(sources);
    if (address !== null) warn(key, `has ${address} more than once`, 'its ticks count for each of the exchanges');
  }
  return warnings;
}

function repeatedAddress(sources: readonly Source[]): string | null {
  const seen = new Set<string>();
  for (const source of sources) {
    if (source.kind !== 'tcp') continue;
    const address = `${source.host}:${source.port}`;
    if (seen.has(address)) return address;
    seen.add(address);
  }
  return null;
}
