/** Repeats a job: at once, then `everyMs` after each end; never twice at the same time. */
export class Poll {
  private readonly job: () => Promise<void>;
  private readonly everyMs: () => number;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private isRunning = false;
  private isOn = false;
  private isDue = false;

  constructor(everyMs: () => number, job: () => Promise<void>) {
    this.everyMs = everyMs;
    this.job = job;
  }

  start(): void {
    this.isOn = true;
    this.now();
  }

  stop(): void {
    this.isOn = false;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** Does not wait for the next turn. */
  now(): void {
    if (!this.isOn) return;
    if (this.isRunning) this.isDue = true;
    else void this.run();
  }

  private async run(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.isRunning = true;
    this.isDue = false;
    try {
      await this.job();
    } finally {
      this.isRunning = false;
      if (this.isOn) {
        if (this.isDue) this.now();
        else this.timer = setTimeout(() => this.now(), this.everyMs());
      }
    }
  }
}
