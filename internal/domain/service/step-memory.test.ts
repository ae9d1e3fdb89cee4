import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StepMemory, type StepPart } from './step-memory.ts';

function bytesOf({ view }: StepPart): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

test('what is kept stays as it is until it is released, whatever comes and goes beside it', () => {
  const lengths = fc.array(fc.oneof(fc.nat({ max: 3_000 }), fc.integer({ min: 60_000, max: 70_000 })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 12 }), fc.boolean(), (all, held, isLastFirst) => {
      const memory = new StepMemory();
      const parts: { part: StepPart; bytes: Uint8Array }[] = [];
      for (const [k, length] of all.entries()) {
        const bytes = new Uint8Array(length).fill(k + 1);
        parts.push({ part: memory.keep(bytes), bytes });
        if (parts.length > held) {
          const gone = isLastFirst && k % 3 === 0 ? parts.pop() : parts.shift();
          if (gone !== undefined) memory.release(gone.part);
        }
        for (const one of parts) assert.deepEqual(bytesOf(one.part), one.bytes);
      }
    }),
    { numRuns: 100 },
  );
});

test('a window that moves on takes no more memory, and follows the size of its steps', () => {
  const memory = new StepMemory();
  const buffers = new Set<ArrayBufferLike>();
  const parts: StepPart[] = [];
  const move = (length: number, steps: number) => {
    for (let k = 0; k < steps; k++) {
      const part = memory.keep(new Uint8Array(length));
      parts.push(part);
      buffers.add(part.view.buffer);
      const gone = parts.length > 100 ? parts.shift() : undefined;
      if (gone !== undefined) memory.release(gone);
    }
  };
  move(10_000, 150);
  const taken = buffers.size;
  assert.ok(taken <= Math.ceil(100 / 16) + 2, `${taken} chunks`);
  move(10_000, 2_000);
  assert.equal(buffers.size, taken);
  // Larger steps than a chunk: the old chunks go.
  move(200_000, 300);
  const grown = buffers.size;
  move(200_000, 2_000);
  assert.equal(buffers.size, grown);
});
