import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type SocketEvents, Stream, type StreamState } from './stream.ts';

interface Opened extends SocketEvents {
  readonly sent: Record<string, unknown>[];
  isClosed: boolean;
}

function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  let nowMs = 0;
  const sockets: Opened[] = [];
  const states: StreamState[] = [];
  const stream = new Stream({
    open: (events) => {
      const socket: Opened = { ...events, sent: [], isClosed: false };
      sockets.push(socket);
      return {
        send: (text) => socket.sent.push(JSON.parse(text)),
        close: () => {
          socket.isClosed = true;
        },
      };
    },
    random: () => 0.5,
    nowMs: () => nowMs,
    onMessage: () => undefined,
    onState: (state) => states.push(state),
  });
  const pass = (ms: number): void => {
    for (let i = 0; i < ms; i += 100) {
      nowMs += 100;
      t.mock.timers.tick(100);
    }
  };
  const say = (message: object): void => sockets.at(-1)?.onText(JSON.stringify(message));
  const welcome = (): void => say({ type: 'welcome', mode: 'test', epoch: 1, limits: { topics: 9 } });
  return { stream, sockets, states, pass, say, welcome };
}

const CANDLES = { channel: 'candles:1m', exchanges: ['exchange1'], symbols: ['BTCUSDT'] };
const TOPIC = 'candles:1m:exchange1:BTCUSDT';

test('what is wanted is subscribed to after the welcome, and again after a loss, from the last sequence on', (t) => {
  const { stream, sockets, states, pass, say, welcome } = setUp(t);
  stream.want('candles', CANDLES);
  stream.want('latest', { channel: 'latest', exchanges: ['*'], symbols: ['BTCUSDT'] });
  stream.start();
  assert.deepEqual(sockets[0]?.sent, []);
  welcome();
  assert.deepEqual(
    sockets[0]?.sent.map(({ op, id, resume }) => [op, id, resume]),
    [
      ['subscribe', 'candles', {}],
      ['subscribe', 'latest', {}],
    ],
  );
  say({ type: 'snapshot', topic: TOPIC, seq: 7, data: [] });
  say({ type: 'update', topic: TOPIC, seq: 9, data: [] });
  say({ type: 'update', topic: 'latest:exchange1:BTCUSDT', seq: 4, data: null });
  sockets[0]?.onClose();
  assert.equal(states.at(-1)?.kind, 'lost');
  pass(300);
  assert.equal(sockets.length, 2, 'the first wait is at most half a second');
  welcome();
  assert.deepEqual(
    sockets[1]?.sent.map(({ resume }) => resume),
    [{ [TOPIC]: 9 }, {}],
  );
  stream.pause();
});

test('another mode begins from nothing', (t) => {
  const { stream, sockets, pass, say, welcome } = setUp(t);
  stream.want('candles', CANDLES);
  stream.start();
  welcome();
  say({ type: 'update', topic: TOPIC, seq: 9, data: [] });
  say({ type: 'mode', mode: 'live', epoch: 2 });
  sockets[0]?.onClose();
  pass(300);
  welcome();
  assert.deepEqual(sockets[1]?.sent[0]?.['resume'], {});
  stream.pause();
});

test('what replaces something under the same id ends it; the same again is not said', (t) => {
  const { stream, sockets, welcome } = setUp(t);
  stream.start();
  welcome();
  stream.want('candles', CANDLES);
  stream.want('candles', CANDLES);
  stream.want('candles', { ...CANDLES, channel: 'candles:5m' });
  stream.want('candles', null);
  assert.deepEqual(
    sockets[0]?.sent.map(({ op, channel }) => [op, channel]),
    [
      ['subscribe', 'candles:1m'],
      ['unsubscribe', 'candles:1m'],
      ['subscribe', 'candles:5m'],
      ['unsubscribe', 'candles:5m'],
    ],
  );
  stream.pause();
});

test('a subscription that ends takes no topic from another one', (t) => {
  const { stream, sockets, welcome } = setUp(t);
  const latest = { channel: 'latest', exchanges: ['*'] };
  stream.start();
  welcome();
  stream.want('latest0', { ...latest, symbols: ['A', 'B'] });
  stream.want('latest1', { ...latest, symbols: ['C', 'D'] });
  stream.want('latest0', { ...latest, symbols: ['C'] });
  stream.want('latest1', null);
  const has = new Set<unknown>();
  for (const { op, symbols } of sockets[0]?.sent ?? []) {
    for (const symbol of symbols as string[]) op === 'subscribe' ? has.add(symbol) : has.delete(symbol);
  }
  assert.deepEqual([...has], ['C']);
  stream.pause();
});

test('what was refused because it came too fast is asked for again', (t) => {
  const { stream, sockets, pass, say, welcome } = setUp(t);
  stream.want('candles', CANDLES);
  stream.start();
  welcome();
  for (let i = 0; i < 3; i++) say({ type: 'error', code: 'rate_limited', detail: '' });
  assert.equal(sockets[0]?.sent.length, 1);
  pass(3_000);
  assert.deepEqual(
    sockets[0]?.sent.map(({ op, id }) => [op, id]),
    [
      ['subscribe', 'candles'],
      ['subscribe', 'candles'],
    ],
  );
  stream.pause();
});

test('a server that is silent is asked, and left when it does not answer', (t) => {
  const { stream, sockets, states, pass, say, welcome } = setUp(t);
  stream.start();
  welcome();
  pass(6_200);
  assert.deepEqual(sockets[0]?.sent, [{ op: 'ping' }]);
  say({ type: 'pong' });
  pass(6_200);
  assert.equal(states.at(-1)?.kind, 'open');
  pass(6_000);
  assert.equal(sockets[0]?.isClosed, true);
  assert.ok(sockets.length > 1, 'it has tried again');
  stream.pause();
});

test('waits grow with each failure, up to a bound, and start over after a welcome', (t) => {
  const { stream, sockets, states, pass, welcome } = setUp(t);
  stream.start();
  const waits: number[] = [];
  let atMs = 0;
  for (let i = 0; i < 8; i++) {
    sockets.at(-1)?.onClose();
    const lost = states.at(-1);
    assert.ok(lost?.kind === 'lost');
    const waitMs = lost.retryAtMs - atMs;
    waits.push(waitMs);
    const passed = Math.ceil(waitMs / 100) * 100;
    pass(passed);
    atMs += passed;
  }
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 7_500, 7_500, 7_500]);
  welcome();
  sockets.at(-1)?.onClose();
  const lost = states.at(-1);
  assert.equal(lost?.kind === 'lost' && lost.retryAtMs - atMs, 250);
  stream.retryNow();
  assert.equal(states.at(-1)?.kind, 'connecting');
  stream.pause();
  assert.equal(states.at(-1)?.kind, 'paused');
  const opened = sockets.length;
  pass(60_000);
  assert.equal(sockets.length, opened, 'paused, it does not try');
});
