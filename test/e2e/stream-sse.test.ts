import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { startEmulators } from '../harness/emulators.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

interface ServerEvent {
  readonly event: string;
  readonly id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: a test names the fields that it looks at
  readonly data: any;
}

class Events {
  readonly list: ServerEvent[] = [];
  readonly response: IncomingMessage;
  ended = false;
  private readonly request: ClientRequest;
  private text = '';

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.request = request;
    this.response = response;
    response.setEncoding('utf8').on('data', (part: string) => this.take(part));
    response.on('error', () => undefined);
    response.on('close', () => {
      this.ended = true;
    });
  }

  static async open(t: TestContext, service: Service, query: string, lastEventId?: string): Promise<Events> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const request = get(`${service.url}/v1/stream/sse?${query}`, { headers, agent: false });
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const events = new Events(request, response);
    atEnd(t, () => events.cut());
    return events;
  }

  cut(): void {
    this.request.destroy();
  }

  async next(event: string): Promise<ServerEvent> {
    await waitUntil(`an event ${event}`, () => this.list.some((one) => one.event === event));
    return this.list.find((one) => one.event === event)!;
  }

  private take(part: string): void {
    this.text += part;
    const blocks = this.text.split('\n\n');
    this.text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      const event = fields.get('event');
      if (event !== undefined)
        this.list.push({ event, id: fields.get('id'), data: JSON.parse(fields.get('data') ?? '') });
    }
  }
}

test('server-sent events: snapshot, updates, resume by the last id, and an end when the service stops', async (t) => {
  const { sources } = await startEmulators(t, { exchanges: ['exchange1'], ticksPerSecond: 1_000, seed: 8 });
  const environment = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sources };
  const service = await startService(t, { dataDir: makeFolder(t), environment });
  const query = 'channel=ticks&exchanges=exchange1&symbols=btcusdt';
  const first = await Events.open(t, service, query);
  assert.equal(first.response.headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal((await first.next('welcome')).id, undefined);
  const snapshot = await first.next('snapshot');
  await first.next('update');
  await sleep(300);
  first.cut();
  const last = first.list.at(-1)!;
  assert.equal(last.id, `ticks:exchange1:BTCUSDT@${last.data.seq}`);
  assert.equal(first.list.filter(({ event }) => event === 'update').length, last.data.seq - snapshot.data.seq);
  await sleep(300);

  const second = await Events.open(t, service, query, last.id);
  assert.equal((await second.next('resumed')).data.seq, last.data.seq);
  assert.equal((await second.next('update')).data.seq, last.data.seq + 1);
  const elsewhere = await Events.open(t, service, query, 'ticks:exchange1:BTCUSDT@17');
  assert.equal((await elsewhere.next('snapshot')).data.resumed, false);

  service.signal('SIGTERM');
  await waitUntil('the end of the events', () => second.ended && elsewhere.ended);
  assert.deepEqual(await service.ended, { code: 0, signal: null });
});

test('server-sent events: a question that cannot be answered is a problem document', async (t) => {
  const service = await startService(t, { dataDir: makeFolder(t) });
  const cases = [
    ['channel=prices', 400, 'unknown_channel'],
    ['symbols=NOPE', 404, 'unknown_symbol'],
    ['exchanges=exchange9', 404, 'unknown_exchange'],
    ['symbol=BTCUSDT', 400, 'unknown_parameter'],
    ['symbols=BTCUSDT&symbols=ETHUSDT', 400, 'invalid_parameter'],
  ] as const;
  for (const [query, status, code] of cases) {
    const answer = await service.get(`/v1/stream/sse?${query}`);
    assert.deepEqual([answer.status, answer.json().code], [status, code], query);
  }
  assert.equal((await service.request('HEAD', '/v1/stream/sse')).status, 405);
  const metrics = (await service.get('/metrics')).text;
  assert.match(metrics, /marketflow_stream_clients\{transport="sse"\} 0/);
});
