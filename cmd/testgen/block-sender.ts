import type { Socket } from 'node:net';
import { copyBlock, type LineBlock, patchTimestamps, patchTradeIds, renderBlock } from './line-block.ts';
import type { Market, MarketOptions } from './paced-market.ts';
import { TickSource } from './tick-source.ts';

const LINES_PER_BLOCK = 4_096;
/** Blocks that a connection may have in the socket's hands: all that ever waits for a client, about 1.2 MB. */
const BLOCKS_PER_CONNECTION = 4;

/**
 * As many ticks as each client takes, from blocks that are rendered once: 16,384 lines that repeat with new times and
 * trade ids. With several clients on one exchange a client sees gaps in its trade ids, never one twice.
 */
export class MaxRateMarket implements Market {
  readonly #options: MarketOptions;
  readonly #source: TickSource;
  readonly #senders = new Set<BlockSender>();
  #templates: readonly LineBlock[] | undefined;

  constructor(options: MarketOptions) {
    this.#options = options;
    const { exchange, symbols, seed, withQuantity, nowMs } = options;
    this.#source = new TickSource(exchange, symbols, seed, withQuantity, nowMs());
  }

  join(socket: Socket, connection: number): void {
    const { withQuantity, nowMs } = this.#options;
    this.#templates ??= Array.from({ length: BLOCKS_PER_CONNECTION }, () =>
      renderBlock(this.#source, withQuantity, LINES_PER_BLOCK, nowMs()),
    );
    const sender = new BlockSender(socket, connection, this.#templates.map(copyBlock), this.#source, this.#options);
    this.#senders.add(sender);
    socket.once('close', () => {
      sender.close();
      this.#senders.delete(sender);
    });
  }

  close(): void {
    for (const sender of this.#senders) sender.close();
    this.#senders.clear();
  }
}

/**
 * Keeps one client's socket full. A block is patched only while the socket does not hold it, that is after its write's
 * callback: a client that does not read stops its own sender and costs no memory beyond its blocks.
 */
class BlockSender {
  readonly #socket: Socket;
  readonly #connection: number;
  readonly #blocks: readonly LineBlock[];
  readonly #source: TickSource;
  readonly #options: MarketOptions;
  #nextBlock = 0;
  #blocksInFlight = 0;
  #lastEventAtMs = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor(
    socket: Socket,
    connection: number,
    blocks: readonly LineBlock[],
    source: TickSource,
    options: MarketOptions,
  ) {
    this.#socket = socket;
    this.#connection = connection;
    this.#blocks = blocks;
    this.#source = source;
    this.#options = options;
    this.#turn = setImmediate(this.#fillSocket);
  }

  close(): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    this.#socket.destroy();
  }

  /** Blocks come back in the order in which they were written: the next one is free when not all are in flight. */
  readonly #fillSocket = (): void => {
    this.#turn = undefined;
    while (this.#blocksInFlight < this.#blocks.length && this.#socket.writable) {
      const block = this.#blocks[this.#nextBlock];
      if (block === undefined) return;
      this.#nextBlock = (this.#nextBlock + 1) % this.#blocks.length;
      this.#send(block);
    }
  };

  #send(block: LineBlock): void {
    const { counters, exchange, nowMs, onSent } = this.#options;
    this.#lastEventAtMs = Math.max(this.#lastEventAtMs, nowMs());
    patchTimestamps(block, this.#lastEventAtMs);
    patchTradeIds(block, this.#source);
    const { bytes, lineCount } = block;
    counters.lines += lineCount;
    onSent?.({ exchange, connection: this.#connection, bytes, lineCount, lines: null });
    this.#blocksInFlight++;
    this.#socket.write(bytes, this.#onWritten);
  }

  /** Refills in the next turn: the kernel may take block after block at once, and timers must have their turn too. */
  readonly #onWritten = (error?: Error | null): void => {
    this.#blocksInFlight--;
    if (error || this.#socket.destroyed) return;
    this.#turn ??= setImmediate(this.#fillSocket);
  };
}
