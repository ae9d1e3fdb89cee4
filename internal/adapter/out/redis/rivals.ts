/** A run that lives changes its sources' keys each half second and the report each second. */
const SILENT_MS = 10_000;

interface Held {
  text: string;
  sinceMs: number;
}

/** What a run that started later holds, and since when it has not changed: one that has ended must not keep us out for good. */
export class Rivals {
  private readonly held = new Map<string, Held>();

  /** Tells what is under `key` now; true: it has been looked at for so long without a change that nobody is behind it. */
  isGone(key: string, text: string): boolean {
    const nowMs = performance.now();
    const held = this.held.get(key);
    if (held?.text === text) return nowMs - held.sinceMs >= SILENT_MS;
    this.held.set(key, { text, sinceMs: nowMs });
    return false;
  }

  /** After a call that failed: while nobody could write, nothing could change. */
  forget(): void {
    this.held.clear();
  }
}
