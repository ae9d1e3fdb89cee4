import { HIDDEN, hideSecrets, isSecretKey } from './secrets.ts';

/** Where a value comes from. Later ones of the list win over earlier ones. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly path: string; readonly line: number }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string };

/** Something that keeps the configuration from being used: one readable line without secrets. */
export interface Problem {
  readonly key: string;
  readonly message: string;
}

/** How many problems of one sort are told one by one; of the rest, only their number. */
const PROBLEMS_TOLD_MAX = 20;
const SHOWN_MAX_CHARS = 80;

export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'file':
      return `file ${oneLine(origin.path)} line ${origin.line}`;
    case 'env':
      return `env ${origin.name}`;
    case 'flag':
      return `flag ${origin.name}`;
  }
}

/** `server.port (env X_SERVER_PORT): "abc" is not a whole number: must be …`. */
export function problemOf(key: string, origin: Origin, fault: string): Problem {
  return { key, message: hideSecrets(oneLine(`${cut(key)} (${describeOrigin(origin)}): ${fault}`)) };
}

/** A value as it may stand in a message: quoted, cut, and hidden when its key says so. */
export function showValue(key: string, value: unknown): string {
  if (isSecretKey(key) && value !== '') return HIDDEN;
  if (typeof value === 'string') {
    const shown = hideSecrets(value);
    return JSON.stringify(cut(shown));
  }
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'a mapping' : String(value);
}

/** The first problems, and how many more there are: a file of nonsense must not drown the terminal. */
export function firstProblems<T>(faults: readonly T[], toProblem: (fault: T) => Problem): readonly Problem[] {
  const told = faults.slice(0, PROBLEMS_TOLD_MAX).map(toProblem);
  const last = told.at(-1);
  const untold = faults.length - told.length;
  if (last === undefined || untold === 0) return told;
  return [...told, { key: last.key, message: `${untold} more problems of the same sort after the last one` }];
}

function oneLine(message: string): string {
  return message.replace(/\s*\p{Cc}+\s*/gu, ' ').trim();
}

function cut(text: string): string {
  return text.length > SHOWN_MAX_CHARS ? `${text.slice(0, SHOWN_MAX_CHARS)}…` : text;
}
