import { BoundedQueue } from './bounded-queue.ts';

export type FanOutOptions<Task> = {
  /** Tasks waiting per lane, at most. */
  queueMaxItems: number;
  /** Tasks of one lane that are dispatched and not `done`, at most. Default 5. */
  maxInFlightPerLane?: number;
  /** A lane that was at its bound has room again when so many tasks or fewer wait. Default: half of `queueMaxItems`. */
  resumeAtItems?: number;
  /** Whether `dispatch` may be called now. When the answer turns from no to yes, call `pump()`. */
  hasRoom: () => boolean;
  /** Takes a task; may finish it, and call `done`, before it returns. */
  dispatch: (ticket: Ticket<Task>) => void;
};

/** One dispatched task. `seq` counts 0, 1, 2, … per lane without a gap, in the order of the offers. */
export type Ticket<Task> = {
  /** Never used again for another lane of the same `FanOut`. */
  readonly laneId: number;
  readonly seq: number;
  readonly task: Task;
  /** The task's result has been used up, so the next of its lane may go out. Only the first call counts. */
  done(): void;
};

export type FanOutLane<Task> = {
  readonly id: number;
  readonly queuedItems: number;
  readonly inFlight: number;
  /** What was last said to `onPressure`. */
  readonly isAtBound: boolean;
  /** Dispatches at once, in this turn, when it can. False when the lane is full or closed; the task is then still the caller's. */
  offer(task: Task): boolean;
  /** Takes no more offers; what waits still goes out. */
  close(): void;
  /** Resolves when nothing waits and nothing is in flight; a caller wants a deadline around it. */
  drained(): Promise<void>;
  /** Closes the lane, takes it out, and gives back what waited. Tickets that are out stay valid. */
  remove(): Task[];
};

/** True when the queue has just become full: stop reading. False when there is room again. */
export type OnPressure = (isAtBound: boolean) => void;

/**
 * Many lanes into one pool, in turn: a lane with a task ready waits for at most one task of each other lane.
 * Synchronous throughout: a task goes out within `offer`, `done` or `pump`. Calls from inside `dispatch` are safe.
 */
export class FanOut<Task> {
  readonly #maxInFlight: number;
  readonly #queueMaxItems: number;
  readonly #resumeAtItems: number;
  readonly #hasRoom: () => boolean;
  readonly #dispatch: (ticket: Ticket<Task>) => void;
  readonly #lanes: Lane<Task>[] = [];
  #cursor = 0;
  #nextLaneId = 0;
  #isPumping = false;

  constructor(options: FanOutOptions<Task>) {
    this.#maxInFlight = options.maxInFlightPerLane ?? 5;
    this.#queueMaxItems = options.queueMaxItems;
    this.#resumeAtItems = options.resumeAtItems ?? Math.floor(options.queueMaxItems / 2);
    if (this.#maxInFlight < 1) throw new RangeError('maxInFlightPerLane is at least 1');
    if (this.#resumeAtItems < 0 || this.#resumeAtItems >= this.#queueMaxItems) {
      throw new RangeError('resumeAtItems is from 0 to below queueMaxItems');
    }
    this.#hasRoom = options.hasRoom;
    this.#dispatch = options.dispatch;
  }

  get laneCount(): number {
    return this.#lanes.length;
  }

  get inFlight(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.inFlight, 0);
  }

  get queuedItems(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.queuedItems, 0);
  }

  addLane(onPressure: OnPressure): FanOutLane<Task> {
    const lane: Lane<Task> = new Lane(
      this.#nextLaneId++,
      { queueMaxItems: this.#queueMaxItems, resumeAtItems: this.#resumeAtItems, onPressure },
      { pump: () => this.pump(), remove: () => this.#remove(lane) },
    );
    this.#lanes.push(lane);
    return lane;
  }

  /** Dispatches what can go. Called by `offer` and `done`; to be called when `hasRoom` turns true. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#hasRoom()) {
        const lane = this.#nextReady();
        if (lane === undefined) return;
        this.#dispatch(lane.take());
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #nextReady(): Lane<Task> | undefined {
    const lanes = this.#lanes;
    for (let step = 0; step < lanes.length; step++) {
      if (this.#cursor >= lanes.length) this.#cursor = 0;
      const lane = lanes[this.#cursor++]!;
      if (lane.queuedItems > 0 && lane.inFlight < this.#maxInFlight) return lane;
    }
    return undefined;
  }

  #remove(lane: Lane<Task>): void {
    const index = this.#lanes.indexOf(lane);
    if (index < 0) return;
    this.#lanes.splice(index, 1);
    if (index < this.#cursor) this.#cursor--;
  }
}

type LaneLimits = { queueMaxItems: number; resumeAtItems: number; onPressure: OnPressure };
type LaneOwner = { pump: () => void; remove: () => void };

class Lane<Task> implements FanOutLane<Task> {
  readonly id: number;
  inFlight = 0;
  isAtBound = false;
  readonly #queue: BoundedQueue<Task>;
  readonly #limits: LaneLimits;
  readonly #owner: LaneOwner;
  #nextSeq = 0;
  #waiters: (() => void)[] = [];

  constructor(id: number, limits: LaneLimits, owner: LaneOwner) {
    this.id = id;
    this.#limits = limits;
    this.#owner = owner;
    this.#queue = new BoundedQueue(limits.queueMaxItems);
  }

  get queuedItems(): number {
    return this.#queue.sizeItems;
  }

  offer(task: Task): boolean {
    if (!this.#queue.offer(task)) return false;
    this.#owner.pump();
    if (this.#queue.isFull && !this.isAtBound) {
      this.isAtBound = true;
      this.#limits.onPressure(true);
    }
    return true;
  }

  close(): void {
    this.#queue.close();
  }

  drained(): Promise<void> {
    if (this.#isDrained) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  remove(): Task[] {
    this.#queue.close();
    this.#owner.remove();
    const waiting: Task[] = [];
    while (this.#queue.sizeItems > 0) waiting.push(this.#queue.poll() as Task);
    this.#wakeIfDrained();
    return waiting;
  }

  /** The next task, as in flight; only for a lane with a task waiting. */
  take(): Ticket<Task> {
    const task = this.#queue.poll() as Task;
    this.inFlight++;
    if (this.isAtBound && this.#queue.sizeItems <= this.#limits.resumeAtItems) {
      this.isAtBound = false;
      this.#limits.onPressure(false);
    }
    return new LaneTicket(this, this.#nextSeq++, task);
  }

  finished(): void {
    this.inFlight--;
    this.#owner.pump();
    this.#wakeIfDrained();
  }

  get #isDrained(): boolean {
    return this.inFlight === 0 && this.#queue.sizeItems === 0;
  }

  #wakeIfDrained(): void {
    if (this.#waiters.length === 0 || !this.#isDrained) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

class LaneTicket<Task> implements Ticket<Task> {
  readonly seq: number;
  readonly task: Task;
  readonly #lane: Lane<Task>;
  #isDone = false;

  constructor(lane: Lane<Task>, seq: number, task: Task) {
    this.#lane = lane;
    this.seq = seq;
    this.task = task;
  }

  get laneId(): number {
    return this.#lane.id;
  }

  done(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#lane.finished();
  }
}
