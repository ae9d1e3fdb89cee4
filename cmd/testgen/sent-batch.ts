import type { RejectionReason } from '../../internal/domain/model/rejection.ts';
import type { FaultKind } from './faults.ts';

/** What a receiver that follows the feed's contract, and accepts the emulator's symbols only, makes of a line. */
export type Expectation = 'tick' | 'blank' | RejectionReason;

/** A line inside its batch's bytes: [startByte, endByte), its terminator not included. */
export interface SentLine {
  readonly startByte: number;
  readonly endByte: number;
  readonly fault: FaultKind | null;
  readonly expect: Expectation;
}

/** Whole lines that were handed to one connection's socket. */
export interface SentBatch {
  readonly exchange: string;
  /** Counts an emulator's connections, from 1. */
  readonly connection: number;
  /** Valid until the callback returns. */
  readonly bytes: Buffer;
  readonly lineCount: number;
  /** Null when no fault is on: then every line is a good tick and ends in a line feed. */
  readonly lines: readonly SentLine[] | null;
}

export type OnSent = (batch: SentBatch) => void;

/** The lines of a batch, whether it lists them or not. */
export function* linesOf(batch: SentBatch): Generator<SentLine> {
  if (batch.lines !== null) {
    yield* batch.lines;
    return;
  }
  let startByte = 0;
  for (let endByte = batch.bytes.indexOf(10); endByte >= 0; endByte = batch.bytes.indexOf(10, startByte)) {
    yield { startByte, endByte, fault: null, expect: 'tick' };
    startByte = endByte + 1;
  }
}
