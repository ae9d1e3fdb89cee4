import { test } from 'node:test';
import { replayCaptures } from '../harness/capture-replay.ts';

test('the captured feed: every good line accepted, every odd one under its reason, candles as computed by hand', (t) =>
  replayCaptures(t, {}));
