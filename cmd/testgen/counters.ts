import { type FaultCounts, noFaultCounts } from './faults.ts';

/** What an emulator did since it was made. */
export interface EmulatorCounters {
  /** Lines that were handed to sockets, over all connections, blank ones included. */
  lines: number;
  connections: number;
  /** Connections that were dropped because the client did not read. */
  droppedConnections: number;
  /** Ticks that were given up because the process stood still for more than 5 s. */
  skippedTicks: number;
  /** Lines, or happenings, by kind, over all connections. */
  readonly faults: FaultCounts;
}

export function newCounters(): EmulatorCounters {
  return { lines: 0, connections: 0, droppedConnections: 0, skippedTicks: 0, faults: noFaultCounts() };
}
