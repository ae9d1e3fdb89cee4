/** Where the ticks come from. Part of every key: the two never mix. */
export const MODES = ['live', 'test'] as const;
export type Mode = (typeof MODES)[number];

/** The mode in force. `epoch` rises by one at each switch; `sinceMs` is our clock at the switch. */
export interface ModeState {
  readonly mode: Mode;
  readonly epoch: number;
  readonly sinceMs: number;
  /** True once a user has switched by hand: from then on the remembered mode wins over the setting. */
  readonly switched: boolean;
}
