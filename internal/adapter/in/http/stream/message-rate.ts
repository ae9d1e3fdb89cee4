/** How many messages a client may send: `perSecond` in the long run, `burst` at once. */
export class MessageRate {
  private readonly perSecond: number;
  private readonly burst: number;
  private left: number;
  private atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.left = burst;
    this.atMs = nowMs;
  }

  /** False: one too many. */
  take(nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - this.atMs);
    this.atMs = nowMs;
    this.left = Math.min(this.burst, this.left + (passedMs / 1_000) * this.perSecond);
    if (this.left < 1) return false;
    this.left--;
    return true;
  }
}
