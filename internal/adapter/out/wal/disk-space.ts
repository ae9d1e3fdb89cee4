import type { WalSettings } from './options.ts';

/** Free space is looked at again after this much was written, or after a second. */
const CHECK_BYTES = 16 * 1024 * 1024;
const CHECK_INTERVAL_MS = 1000;

/**
 * Whether the disk has room: `low` below the smaller of `minFreeBytes` and a tenth of the file system, or while a
 * write finds no space. Looks again by itself while low, and calls `onRoom` when it is over.
 */
export class DiskSpace {
  readonly #settings: WalSettings;
  readonly #onRoom: () => void;
  #freeBytes = 0;
  #requiredBytes = 0;
  #isShort = false;
  #isWriteStuck = false;
  /** Writes that found no space. */
  #refusals = 0;
  #wasLow = false;
  #checking: Promise<void> | null = null;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #bytesSinceCheck = 0;
  #timer: NodeJS.Timeout | null = null;
  #wakeWriter: (() => void) | null = null;
  #closed = false;

  constructor(settings: WalSettings, onRoom: () => void) {
    this.#settings = settings;
    this.#onRoom = onRoom;
  }

  get low(): boolean {
    return this.#isShort || this.#isWriteStuck;
  }

  get closed(): boolean {
    return this.#closed;
  }

  afterWrite(bytes: number): void {
    this.#bytesSinceCheck += bytes;
    const ageMs = this.#settings.nowMs() - this.#checkedAtMs;
    const isDue = this.#bytesSinceCheck >= CHECK_BYTES || ageMs >= CHECK_INTERVAL_MS || ageMs < 0;
    if (this.#isWriteStuck) void this.#unstick(this.#refusals);
    else if (isDue) void this.check();
  }

  check(): Promise<void> {
    this.#checking ??= this.#look().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  /** A write found no space. Resolves when it may be tried again: after the poll interval, or at once on closing. */
  async noSpace(): Promise<void> {
    this.#isWriteStuck = true;
    this.#refusals++;
    await this.check();
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#settings.spacePollMs);
      this.#wakeWriter = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeWriter = null;
  }

  /** No more timers; a writer that waits tries once more. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#wakeWriter?.();
  }

  /** The write went through: over, unless another was refused while the free space was looked at. */
  async #unstick(refusals: number): Promise<void> {
    await this.check();
    if (refusals !== this.#refusals) return;
    this.#isWriteStuck = false;
    this.#tell();
  }

  async #look(): Promise<void> {
    const { fileOps, dir, minFreeBytes, nowMs } = this.#settings;
    this.#checkedAtMs = nowMs();
    this.#bytesSinceCheck = 0;
    const found = await fileOps.freeSpace(dir).catch(() => null);
    if (found !== null) {
      this.#freeBytes = found.freeBytes;
      this.#requiredBytes = Math.min(minFreeBytes, Math.floor(found.totalBytes / 10));
      this.#isShort = this.#freeBytes < this.#requiredBytes;
    }
    this.#tell();
    if (this.#isShort && !this.#closed && this.#timer === null) {
      this.#timer = setTimeout(() => {
        this.#timer = null;
        void this.check();
      }, this.#settings.spacePollMs);
    }
  }

  #tell(): void {
    if (this.low === this.#wasLow) return;
    this.#wasLow = this.low;
    const sizes = { freeBytes: this.#freeBytes, requiredBytes: this.#requiredBytes };
    this.#settings.onEvent({ type: this.low ? 'low_disk_start' : 'low_disk_end', ...sizes });
    if (!this.low) this.#onRoom();
  }
}
