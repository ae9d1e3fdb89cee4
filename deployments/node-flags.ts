/**
 * Flags of the Node that runs MarketFlow, in `make run`, the executable and the benchmarks. By itself V8 lets the young
 * generation come to 64 MiB by and by, under any load, and shrinks it at each collection of the old one: at 100,000 ticks/s
 * resident memory went from 157 to 203 MiB in twenty minutes. This keeps it at 32; with 16, `GET /prices/latest` was a few
 * per cent slower.
 */
export const NODE_FLAGS: readonly string[] = ['--min-semi-space-size=16', '--max-semi-space-size=16'];
