import { MINUTE_MS } from '../../../domain/model/candle.ts';
import type { Mode } from '../../../domain/model/mode.ts';

/** Every key that is ours; see README.md. Braces are hash tags: in a cluster all keys of one source are on one node. */
export class Keys {
  readonly current: string;
  readonly report: string;
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
    this.current = `${prefix}:current`;
    this.report = `${prefix}:report`;
  }

  source(mode: Mode, exchange: string): string {
    return `${this.prefix}:{${mode}:${exchange}}:source`;
  }

  latest(mode: Mode, exchange: string): string {
    return `${this.prefix}:{${mode}:${exchange}}:latest`;
  }

  /** The seconds of the minute that `atMs` falls into. */
  seconds(mode: Mode, exchange: string, symbol: string, atMs: number): string {
    return `${this.prefix}:{${mode}:${exchange}}:1s:${symbol}:${atMs - (atMs % MINUTE_MS)}`;
  }
}
