import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { StreamErrorCode } from '../../../../application/port/in/market-stream.ts';
import { STUBS, startServer } from '../test-server.ts';
import { documentedMessages, ERROR_CODES } from './asyncapi.ts';
import { readClientMessage } from './client-message.ts';
import { CLOSE } from './websocket-client.ts';

const README = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const messages = documentedMessages(STUBS.stream!.limits);

test('every message is in the document, on the page and in the README, and so are all codes', async (t) => {
  const { url } = await startServer(t);
  const page = await (await fetch(`${url}/docs/streams`)).text();
  const document = (await (await fetch(`${url}/asyncapi.json`)).json()) as {
    asyncapi: string;
    components: { messages: object };
    channels: { stream: { messages: object } };
  };
  assert.equal(document.asyncapi, '3.0.0');
  const names = messages.map(({ name }) => name);
  assert.deepEqual(Object.keys(document.components.messages), names);
  assert.deepEqual(Object.keys(document.channels.stream.messages), names);
  for (const name of names) {
    assert.ok(page.includes(`<code>${name}</code>`), name);
    assert.ok(README.includes(`"${name}"`), name);
  }
  const codes: Record<StreamErrorCode, string> = ERROR_CODES;
  const closes = Object.values(CLOSE).map(({ code }) => String(code));
  for (const code of [...Object.keys(codes), ...closes]) {
    assert.ok(page.includes(`<code>${code}</code>`), code);
    assert.ok(README.includes(code), code);
  }
  assert.doesNotMatch(page, /undefined|\[object/);
});

test('the examples of client messages are messages, those of the service fit their schema', () => {
  for (const { name, from, example, payload } of messages) {
    if (from === 'client') assert.equal(readClientMessage(JSON.stringify(example)).op, name);
    const properties = payload['properties'] as Record<string, unknown>;
    for (const key of Object.keys(example)) assert.ok(key in properties, `${name}.${key}`);
    for (const key of payload['required'] as string[]) assert.ok(key in example, `${name}.${key}`);
  }
});
