/** First in, first out, in a ring of fixed size: a full queue refuses, nothing grows. */
export class BoundedQueue<T> {
  readonly capacityItems: number;
  readonly #ring: (T | undefined)[];
  #head = 0;
  #sizeItems = 0;
  #closed = false;

  constructor(capacityItems: number) {
    if (!Number.isSafeInteger(capacityItems) || capacityItems < 1) {
      throw new RangeError(`a queue holds at least 1 item, not ${capacityItems}`);
    }
    this.capacityItems = capacityItems;
    this.#ring = new Array<T | undefined>(capacityItems).fill(undefined);
  }

  get sizeItems(): number {
    return this.#sizeItems;
  }

  get isFull(): boolean {
    return this.#sizeItems === this.capacityItems;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** False when the queue is full or closed; the item is then still the caller's. */
  offer(item: T): boolean {
    if (this.#closed || this.#sizeItems === this.capacityItems) return false;
    const tail = this.#head + this.#sizeItems;
    this.#ring[tail < this.capacityItems ? tail : tail - this.capacityItems] = item;
    this.#sizeItems++;
    return true;
  }

  /** The oldest item; undefined when there is none. Works on a closed queue too. */
  poll(): T | undefined {
    if (this.#sizeItems === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = this.#head + 1 === this.capacityItems ? 0 : this.#head + 1;
    this.#sizeItems--;
    return item;
  }

  /** Nothing more goes in; what is inside can still be polled. */
  close(): void {
    this.#closed = true;
  }
}
