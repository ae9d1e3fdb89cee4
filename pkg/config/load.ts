import type { GivenValue, Layer } from './layer.ts';
import { describeOrigin, firstProblems, type Origin, type Problem, problemOf, showValue } from './problem.ts';
import { HIDDEN, hideSecrets, isSecretKey } from './secrets.ts';
import type { Setting, SettingTable, ValuesOf } from './setting.ts';

/** A rule about several settings. It is asked only when all of `keys` are valid, and looks at no other. */
export interface CrossRule<V> {
  readonly keys: readonly (keyof V & string)[];
  /** "30s is above 10s: must be …"; null when the rule holds. */
  broken(values: V): string | null;
}

/** One setting in force, as it may be shown. */
export interface EffectiveSetting {
  readonly key: string;
  /** As it would be written in a file; secrets are hidden. */
  readonly shown: string | number;
  readonly origin: Origin;
}

export type Loaded<V> =
  | { readonly ok: true; readonly values: V; readonly effective: readonly EffectiveSetting[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * The value of every setting from defaults and layers; a later layer wins over an earlier one, whole value by whole value.
 * Tells all problems of all layers at once. A value that a later layer replaces is not looked at.
 */
export function loadSettings<T extends SettingTable>(
  table: T,
  layers: readonly Layer[],
  rules: readonly CrossRule<ValuesOf<T>>[],
): Loaded<ValuesOf<T>> {
  const problems = layers.flatMap((layer) => layer.problems);
  const winners = new Map(layers.flatMap((layer) => layer.given).map((given) => [given.key, given]));
  const origins = new Map<string, Origin>();
  const values: Record<string, unknown> = {};
  const effective: EffectiveSetting[] = [];
  for (const [key, setting] of Object.entries(table)) {
    const given = winners.get(key) ?? { key, value: setting.fallback, origin: { kind: 'default' } as const };
    const reading = readValue(setting, given);
    origins.set(key, given.origin);
    if (reading.ok) {
      values[key] = reading.value;
      effective.push({ key, shown: showEffective(key, setting.show(reading.value)), origin: given.origin });
    } else problems.push(...reading.problems);
  }
  problems.push(...brokenRules(rules, values as ValuesOf<T>, origins));
  return problems.length === 0 ? { ok: true, values: values as ValuesOf<T>, effective } : { ok: false, problems };
}

export type ValueReading<V> =
  | { readonly ok: true; readonly value: V }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads one value; each item of a list may have a problem of its own. */
export function readValue<V>(setting: Setting<V>, given: GivenValue): ValueReading<V> {
  const result = setting.schema.safeParse(given.value, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  const problems = firstProblems(result.error.issues, ({ path, input, message }) => {
    const wrong = showValue(given.key, path.length === 0 ? given.value : input);
    return problemOf(given.key, given.origin, `${wrong} ${message}: must be ${setting.rule}`);
  });
  return { ok: false, problems };
}

function brokenRules<V>(
  rules: readonly CrossRule<V>[],
  values: V & Readonly<Record<string, unknown>>,
  origins: ReadonlyMap<string, Origin>,
): Problem[] {
  const problems: Problem[] = [];
  for (const rule of rules) {
    const fault = rule.keys.every((key) => key in values) ? rule.broken(values) : null;
    if (fault === null) continue;
    const named = rule.keys.map((key) => `${key} (${describeOrigin(origins.get(key) ?? { kind: 'default' })})`);
    problems.push({ key: rule.keys.join(), message: `${named.join(', ')}: ${fault}` });
  }
  return problems;
}

function showEffective(key: string, shown: string | number): string | number {
  if (typeof shown === 'number' || shown === '') return shown;
  return isSecretKey(key) ? HIDDEN : hideSecrets(shown);
}
