import type { Origin, Problem } from './problem.ts';

/** A value that somebody gave for a key, not yet read. */
export interface GivenValue {
  readonly key: string;
  readonly value: unknown;
  readonly origin: Origin;
}

/** What one place (the file, the environment, the flags) says. */
export interface Layer {
  readonly given: readonly GivenValue[];
  readonly problems: readonly Problem[];
}
