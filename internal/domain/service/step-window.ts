import type { Extremes } from '../model/candle.ts';
import type { StepSlice } from '../model/checkpoint.ts';
import { addExact } from './exact-sum.ts';
import { emptyStepEntry, OpenStep } from './open-step.ts';
import { encodeStep, SealedStep } from './sealed-step.ts';
import { StepMemory, type StepPart } from './step-memory.ts';

/** A step is sealed when no tick has come into it while event time moved on by this. */
const OPEN_MS = 2_000;

/** Open steps kept for the next ones; more were open only for ticks that came out of order. */
const UNUSED_MAX = 32;

/** One place of the ring. */
interface Slot {
  index: number;
  /** Log position of the last change. */
  changedAt: number;
  /** The window's newest index at the last change. */
  touchedAtIndex: number;
  /** One of the two has its ticks, once `index` is set. */
  open: OpenStep | null;
  sealed: SealedStep | null;
  /** Where the bytes of `sealed` are; null: elsewhere. */
  part: StepPart | null;
}

/**
 * A rolling window of steps of `stepMs` over event time: the fold of each instrument's ticks, step by step, for the
 * newest `steps` of them. Kept by time, not by instrument, so that memory follows the ticks that there were.
 */
export class StepWindow {
  readonly stepMs: number;
  private readonly slots: readonly Slot[];
  private newestIndex = -1;
  /** Those with an open step. */
  private openSlots: Slot[] = [];
  private readonly unused: OpenStep[] = [];
  private readonly memory = new StepMemory();
  private readonly entry = emptyStepEntry();

  constructor(stepMs: number, steps: number) {
    this.stepMs = stepMs;
    this.slots = Array.from({ length: steps }, () => ({
      index: -1,
      changedAt: 0,
      touchedAtIndex: -1,
      open: null,
      sealed: null,
      part: null,
    }));
  }

  /** Adds `part`, whose ticks all lie in the step that starts at `stepStartMs`; older ones than the window are passed over. */
  merge(instrument: number, stepStartMs: number, part: Extremes, position: number): void {
    const index = stepStartMs / this.stepMs;
    const slot = this.slots[index % this.slots.length];
    if (slot === undefined || slot.index > index) return;
    const open = slot.index < index ? this.begin(slot, index) : (slot.open ?? this.reopen(slot));
    slot.changedAt = position;
    slot.touchedAtIndex = this.newestIndex;
    open.merge(instrument, stepStartMs, part);
  }

  /** Adds the ticks of `instrument` in `[fromMs, toMs)`, both on step edges, to `into`. */
  summarise(instrument: number, fromMs: number, toMs: number, into: Extremes): void {
    const last = toMs / this.stepMs;
    const { entry } = this;
    for (let index = fromMs / this.stepMs; index < last; index++) {
      const slot = this.slots[index % this.slots.length];
      if (slot === undefined || slot.index !== index) continue;
      if (!(slot.open ?? slot.sealed)?.read(instrument, entry)) continue;
      const startMs = index * this.stepMs;
      into.count += entry.count;
      addExact(into, entry.sumHi, entry.sumLo);
      if (entry.high > into.high) {
        into.high = entry.high;
        into.highAtMs = startMs + entry.highOffset;
      }
      if (entry.low < into.low) {
        into.low = entry.low;
        into.lowAtMs = startMs + entry.lowOffset;
      }
    }
  }

  /** The steps that changed after log position `position`. */
  changedSince(position: number): StepSlice[] {
    const changed: StepSlice[] = [];
    for (const { changedAt, index, open, sealed } of this.slots) {
      if (changedAt <= position) continue;
      const data = open === null ? sealed?.bytes() : encodeStep(open).slice();
      if (data !== undefined) changed.push({ stepMs: this.stepMs, index, data });
    }
    return changed;
  }

  /** Puts a stored step back, unless the window has moved past it. Keeps its bytes, which must stay as they are. */
  restore(stored: StepSlice): void {
    const slot = this.slots[stored.index % this.slots.length];
    if (slot === undefined || slot.index > stored.index) return;
    slot.index = stored.index;
    slot.sealed = SealedStep.of(stored.data);
    if (stored.index > this.newestIndex) this.newestIndex = stored.index;
  }

  /** Index of the oldest step that the window can still hold next to its newest. */
  oldestIndex(): number {
    return this.newestIndex - this.slots.length + 1;
  }

  /** Makes the place of an older step that of step `index`, and empty. */
  private begin(slot: Slot, index: number): OpenStep {
    const newest = this.slots[this.newestIndex % this.slots.length];
    const expected = (newest?.open ?? newest?.sealed)?.size ?? 0;
    if (index > this.newestIndex) {
      this.newestIndex = index;
      this.sealIdle();
    }
    slot.index = index;
    const open = this.openAt(slot, expected);
    this.dropSealed(slot);
    return open;
  }

  private reopen(slot: Slot): OpenStep {
    const open = this.openAt(slot, slot.sealed?.size ?? 0);
    slot.sealed?.openInto(open);
    this.dropSealed(slot);
    return open;
  }

  private openAt(slot: Slot, expected: number): OpenStep {
    const open = slot.open ?? this.unused.pop() ?? new OpenStep();
    open.restart(expected);
    if (slot.open === null) this.openSlots.push(slot);
    slot.open = open;
    return open;
  }

  private dropSealed(slot: Slot): void {
    if (slot.part !== null) this.memory.release(slot.part);
    slot.part = null;
    slot.sealed = null;
  }

  private sealIdle(): void {
    const idleIndex = this.newestIndex - OPEN_MS / this.stepMs;
    this.openSlots = this.openSlots.filter((slot) => {
      if (slot.open === null || slot.touchedAtIndex > idleIndex) return slot.open !== null;
      slot.part = this.memory.keep(encodeStep(slot.open));
      slot.sealed = new SealedStep(slot.part.view);
      if (this.unused.length < UNUSED_MAX) this.unused.push(slot.open);
      slot.open = null;
      return false;
    });
  }
}
