import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Address, Server } from './address.ts';
import { PostgresStoreError } from './store-error.ts';

const KEEPALIVE_MS = 5_000;
/** https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL: length, request code. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

const YES = 0x53;
const NO = 0x4e;

export interface Dialling {
  readonly server: Server;
  readonly tls: Address['tls'];
  /** The socket under it all: destroying it ends everything. */
  readonly onSocket: (socket: Socket) => void;
}

/** A connection that is ready for the driver's first packet. Rejects when the socket is lost or destroyed before. */
export async function dial({ server, tls, onSocket }: Dialling): Promise<Socket> {
  const { host, port } = server;
  const where = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  const socket = connect({ ...where, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS, noDelay: true });
  // Destroyed by us it may still have something to say.
  socket.on('error', () => undefined);
  onSocket(socket);
  await until(socket, 'connect');
  if (tls === null) return socket;
  socket.write(SSL_REQUEST);
  const answer = await until(socket, 'data');
  const byte = answer instanceof Uint8Array && answer.length === 1 ? answer[0] : undefined;
  // More than the one byte would be somebody's who wants it to be taken for encrypted.
  if (byte === YES) return encrypted(socket, server, tls);
  if (tls === 'prefer' && byte === NO) return socket;
  socket.destroy();
  throw new PostgresStoreError(
    'certificate',
    `${host}:${port}: the server does not speak TLS, and sslmode asks for it`,
  );
}

async function encrypted(socket: Socket, { host }: Server, tls: Exclude<Address['tls'], null>): Promise<TLSSocket> {
  const rules = tls === 'prefer' ? { rejectUnauthorized: false, anyName: true } : tls;
  const { anyName, ...options } = rules;
  const secure = connectTls({
    socket,
    ...options,
    ...(isIP(host) === 0 ? { servername: host } : { host }),
    ...(anyName ? { checkServerIdentity: () => undefined } : {}),
  });
  await until(secure, 'secureConnect');
  return secure;
}

/** What the event brings; rejects when the socket fails or is closed before. */
async function until(socket: Socket, event: 'connect' | 'data' | 'secureConnect'): Promise<unknown> {
  const given = new AbortController();
  const closed = once(socket, 'close', { signal: given.signal }).then(() => {
    throw Object.assign(new Error('the connection was closed before it was ready'), { code: 'CONNECTION_CLOSED' });
  });
  try {
    const [first] = await Promise.race([once(socket, event, { signal: given.signal }), closed]);
    return first;
  } finally {
    closed.catch(() => undefined);
    given.abort();
  }
}
