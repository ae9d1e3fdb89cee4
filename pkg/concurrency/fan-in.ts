export type FanInOptions<Result> = {
  /** A result may be ahead of its lane by less than this: the fan-out's `maxInFlightPerLane`. */
  maxInFlightPerLane: number;
  /** Called in order of `seq` per lane, never inside another call for the same lane. */
  deliver: (laneId: number, result: Result) => void;
};

/** Restores the order of each lane. A missing result holds back its own lane only. */
export class FanIn<Result> {
  readonly #maxInFlight: number;
  readonly #deliver: (laneId: number, result: Result) => void;
  readonly #lanes = new Map<number, Lane<Result>>();

  constructor(options: FanInOptions<Result>) {
    this.#maxInFlight = options.maxInFlightPerLane;
    this.#deliver = options.deliver;
  }

  /** The lane's first result has `seq` 0. */
  addLane(laneId: number): void {
    if (this.#lanes.has(laneId)) throw new RangeError(`lane ${laneId} exists`);
    this.#lanes.set(laneId, new Lane(this.#maxInFlight));
  }

  /**
   * False when there is no such lane (any more); the result is then still the caller's.
   * Throws RangeError on a `seq` that was here before or is out of the window: the caller broke the contract.
   */
  accept(laneId: number, seq: number, result: Result): boolean {
    const lane = this.#lanes.get(laneId);
    if (lane === undefined) return false;
    lane.put(seq, result);
    if (!lane.isDelivering) this.#deliverReady(laneId, lane);
    return true;
  }

  /** Results that wait for an earlier one. */
  heldItems(laneId: number): number {
    return this.#lanes.get(laneId)?.heldItems ?? 0;
  }

  /** Takes the lane out and gives back, in order, what it held: nothing of it is delivered. */
  dropLane(laneId: number): Result[] {
    const lane = this.#lanes.get(laneId);
    this.#lanes.delete(laneId);
    return lane?.takeAll() ?? [];
  }

  /** Takes the lane out and delivers, in order, what it held, over the gaps. Results that come later are refused. */
  drainLane(laneId: number): void {
    for (const result of this.dropLane(laneId)) this.#deliver(laneId, result);
  }

  #deliverReady(laneId: number, lane: Lane<Result>): void {
    lane.isDelivering = true;
    try {
      while (lane.isReady) this.#deliver(laneId, lane.take());
    } finally {
      lane.isDelivering = false;
    }
  }
}

const NOTHING = Symbol('nothing');

class Lane<Result> {
  isDelivering = false;
  heldItems = 0;
  /** The result with `seq` lies at `seq % length`. */
  readonly #window: (Result | typeof NOTHING)[];
  #nextSeq = 0;

  constructor(windowItems: number) {
    this.#window = new Array<Result | typeof NOTHING>(windowItems).fill(NOTHING);
  }

  get isReady(): boolean {
    return this.#window[this.#nextSeq % this.#window.length] !== NOTHING;
  }

  put(seq: number, result: Result): void {
    const at = seq % this.#window.length;
    const ahead = seq - this.#nextSeq;
    if (!(ahead >= 0 && ahead < this.#window.length) || this.#window[at] !== NOTHING) {
      throw new RangeError(`result ${seq} is not expected: the lane is at ${this.#nextSeq}`);
    }
    this.#window[at] = result;
    this.heldItems++;
  }

  take(): Result {
    const at = this.#nextSeq % this.#window.length;
    const result = this.#window[at] as Result;
    this.#window[at] = NOTHING;
    this.#nextSeq++;
    this.heldItems--;
    return result;
  }

  takeAll(): Result[] {
    const all: Result[] = [];
    while (this.heldItems > 0) {
      if (this.isReady) all.push(this.take());
      else this.#nextSeq++;
    }
    return all;
  }
}
