import type { MarketFlow, MarketFlowOptions } from './process.ts';
import type { Role } from './setting-kinds.ts';
import { startMarketFlow } from './wiring.ts';

/** What each role starts. Only `all` is loaded with the program, as nearly every process is that: so installing caches its code. */
const STARTS: Readonly<Record<Role, (options: MarketFlowOptions) => Promise<MarketFlow>>> = {
  all: startMarketFlow,
  api: async (options) => (await import('./api-role.ts')).startApi(options),
};

/** A process has one role. */
export function startRole(options: MarketFlowOptions): Promise<MarketFlow> {
  const [role = 'all'] = options.settings.roles;
  return STARTS[role](options);
}
