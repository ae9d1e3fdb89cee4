/** The least that Fastify does for the same answer; prints its address. */
import Fastify from 'fastify';

const app = Fastify({ logger: false });
const number = { type: 'number' } as const;
const text = { type: 'string' } as const;
const body = {
  exchange: 'exchange1',
  symbol: 'BTCUSDT',
  price: 67_321.5,
  timestamp: 1_740_411_234_567,
  receivedAt: 1_740_411_234_570,
  ageMs: 12,
  status: 'live',
};
const answer = {
  type: 'object',
  properties: {
    exchange: text,
    symbol: text,
    price: number,
    timestamp: number,
    receivedAt: number,
    ageMs: number,
    status: text,
  },
};
app.get('/prices/latest/:symbol', { schema: { response: { 200: answer } } }, async () => body);
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
