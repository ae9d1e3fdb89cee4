import { z } from 'zod';
import type { SubscribeRequest, TopicSelection } from '../../../../application/port/in/market-stream.ts';

/** Names of one message; more of them go into several messages. */
const NAMES_MAX = 256;

const id = z
  .string()
  .max(64)
  .meta({
    description: 'Any text of up to 64 characters; comes back in the answer.',
    examples: ['prices'],
  });
const names = z.array(z.string().min(1).max(32)).min(1).max(NAMES_MAX);

const selection = {
  id: id.optional(),
  channel: z
    .string()
    .max(32)
    .meta({
      description: '`latest`, `ticks`, `health`, or `candles:` and an interval that is kept.',
      examples: ['latest', 'candles:1m'],
    }),
  exchanges: names.optional().meta({
    description: 'Names, or `*` for all, also those that come later. Left out for `health` only.',
    examples: [['exchange1']],
  }),
  symbols: names.optional().meta({ description: 'As `exchanges`.', examples: [['BTCUSDT']] }),
};

export const subscribeMessage = z
  .strictObject({
    op: z.literal('subscribe'),
    ...selection,
    resume: z
      .record(z.string().max(128), z.int().nonnegative())
      .optional()
      .meta({ description: 'By topic, the last `seq` that was seen of it.', examples: [{}] }),
  })
  .meta({ description: 'Begins topics: each with a snapshot, or where `resume` says.' });

export const unsubscribeMessage = z
  .strictObject({ op: z.literal('unsubscribe'), ...selection, resume: z.unknown().optional() })
  .meta({ description: 'Ends topics, and the wildcard of the same lists if there is one.' });

export const pingMessage = z
  .strictObject({ op: z.literal('ping') })
  .meta({ description: 'For clients that cannot send ping frames.' });

const clientMessage = z.discriminatedUnion('op', [subscribeMessage, unsubscribeMessage, pingMessage]);

export type ClientMessage =
  | { readonly op: 'subscribe'; readonly request: SubscribeRequest }
  | { readonly op: 'unsubscribe'; readonly id: string | null; readonly selection: TopicSelection }
  | { readonly op: 'ping' }
  /** `id`: that of the message, if it has one. */
  | { readonly op: 'bad'; readonly id: string | null; readonly detail: string };

/** Reads one text frame; never throws. */
export function readClientMessage(text: string): ClientMessage {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { op: 'bad', id: null, detail: 'not JSON' };
  }
  const parsed = clientMessage.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const at = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
    return { op: 'bad', id: idOf(json), detail: `${at}${issue?.message ?? 'no message that is known'}`.slice(0, 200) };
  }
  const message = parsed.data;
  if (message.op === 'ping') return { op: 'ping' };
  const { op, channel, exchanges, symbols } = message;
  const ownId = message.id ?? null;
  if (channel !== 'health' && (exchanges === undefined || symbols === undefined)) {
    return { op: 'bad', id: ownId, detail: 'exchanges and symbols: both are needed' };
  }
  const wanted = { channel, exchanges: exchanges ?? [], symbols: symbols ?? [] };
  if (op === 'unsubscribe') return { op, id: ownId, selection: wanted };
  return { op, request: { ...wanted, id: ownId, resume: new Map(Object.entries(message.resume ?? {})) } };
}

function idOf(json: unknown): string | null {
  const parsed = z.object({ id }).safeParse(json);
  return parsed.success ? parsed.data.id : null;
}
