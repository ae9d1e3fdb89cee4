import { environmentName } from './environment-name.ts';
import type { GivenValue, Layer } from './layer.ts';
import { firstProblems, problemOf } from './problem.ts';
import { nearestName } from './suggestion.ts';

export interface EnvironmentNames {
  /** `MARKETFLOW` for `MARKETFLOW_…`. */
  readonly prefix: string;
  /** True for a variable with the prefix that is not ours to judge. */
  isForeign(name: string, value: string): boolean;
}

/**
 * Values of the environment. A variable that is empty or blank is not set: the file or the default holds
 * (so the environment can't empty a text that the file gives). An unknown one with the prefix is a problem.
 */
export function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  names: EnvironmentNames,
  keys: readonly string[],
): Layer {
  const keyByName = new Map(keys.map((key) => [environmentName(names.prefix, key), key]));
  const given: GivenValue[] = [];
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || value.trim() === '' || !name.startsWith(`${names.prefix}_`)) continue;
    const key = keyByName.get(name);
    if (key !== undefined) given.push({ key, value, origin: { kind: 'env', name } });
    else if (!names.isForeign(name, value)) unknown.push(name);
  }
  const problems = firstProblems(unknown.sort(), (name) => {
    const nearest = nearestName(name.slice(names.prefix.length), keys);
    const hint = nearest === null ? '' : ` (did you mean ${environmentName(names.prefix, nearest)}?)`;
    return problemOf(name, { kind: 'env', name }, `is not a setting${hint}: must be a known variable or absent`);
  });
  return { given, problems };
}
