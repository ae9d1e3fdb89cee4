/** How many of the newest ids of a pair are told apart exactly; an id below all of them counts as a duplicate. */
export const TRADE_ID_WINDOW = 1_024;

/** The newest (greatest) trade ids of one pair, to know a tick that came twice. Ascending ids cost O(1). */
export class TradeIdWindow {
  private readonly ids = new Float64Array(TRADE_ID_WINDOW);
  /** Ring: the smallest id sits at `head`, `size` of them ascend from there. */
  private head = 0;
  private size = 0;
  private newest = -1;

  /** True if `id` was added before, or is older than a full window. */
  isDuplicate(id: number): boolean {
    if (id > this.newest) return false;
    const at = this.rank(id);
    if (at < this.size && this.at(at) === id) return true;
    return at === 0 && this.size === TRADE_ID_WINDOW;
  }

  /** Adds an id that is no duplicate. */
  add(id: number): void {
    const full = this.size === TRADE_ID_WINDOW;
    if (id > this.newest) {
      this.newest = id;
      this.ids[(this.head + this.size) % TRADE_ID_WINDOW] = id;
      if (full) this.head = (this.head + 1) % TRADE_ID_WINDOW;
      else this.size++;
      return;
    }
    // An id out of order: those between it and the end it is nearer to make room.
    const at = this.rank(id);
    if (full) {
      for (let i = 0; i < at - 1; i++) this.set(i, this.at(i + 1));
      this.set(at - 1, id);
    } else {
      for (let i = this.size; i > at; i--) this.set(i, this.at(i - 1));
      this.set(at, id);
      this.size++;
    }
  }

  /** Ascending ids as the differences between them, seven bits a byte: contiguous ids take one byte each. */
  encode(): Uint8Array {
    const bytes: number[] = [];
    let previous = 0;
    for (let i = 0; i < this.size; i++) {
      let delta = this.at(i) - previous;
      previous += delta;
      while (delta >= 128) {
        bytes.push((delta % 128) + 128);
        delta = Math.floor(delta / 128);
      }
      bytes.push(delta);
    }
    return Uint8Array.from(bytes);
  }

  static decode(bytes: Uint8Array): TradeIdWindow {
    const window = new TradeIdWindow();
    let id = 0;
    let scale = 1;
    for (const byte of bytes) {
      id += (byte & 127) * scale;
      if (byte >= 128) {
        scale *= 128;
        continue;
      }
      window.add(id);
      scale = 1;
    }
    return window;
  }

  /** How many of the held ids are smaller than `id`. */
  private rank(id: number): number {
    let from = 0;
    let to = this.size;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.at(middle) < id) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  private at(i: number): number {
    return this.ids[(this.head + i) % TRADE_ID_WINDOW] ?? 0;
  }

  private set(i: number, id: number): void {
    this.ids[(this.head + i) % TRADE_ID_WINDOW] = id;
  }
}
