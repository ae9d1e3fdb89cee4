import { readFileSync } from 'node:fs';
import { PostgresStoreError } from './store-error.ts';

const PORT = 5432;

/** Parameters that libpq keeps to itself, and that mean nothing here: our deadlines and keep-alives are fixed. */
const CLIENT_SIDE =
  /^(connect_timeout|channel_binding|gss\w*|keepalives\w*|tcp_user_timeout|ssl\w+|passfile|service|require_auth|load_balance_hosts)$/;

/** One server of a list that stand in for each other. `host` is a name, an address, or the folder of a Unix socket. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

export interface TlsRules {
  /** false: any certificate is taken, as `sslmode=require` means it. */
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  /** Ours, where the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** `verify-ca`: signed by `ca`, whatever name it is for. */
  readonly anyName: boolean;
}

export interface Address {
  readonly servers: readonly Server[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** null: no TLS. `prefer`: TLS where the server has it. */
  readonly tls: TlsRules | 'prefer' | null;
  /** Servers that only follow another are passed over: so it is where several stand in for each other. */
  readonly primaryOnly: boolean;
  /** Of the session, as they stand in the URL. */
  readonly parameters: Readonly<Record<string, string>>;
  /** For messages: hosts, ports and database, never the password. */
  readonly label: string;
}

/**
 * `postgres://user:password@host:port[,host:port…]/database?sslmode=…&sslrootcert=…&target_session_attrs=…`; what else
 * stands behind the `?` is a parameter of the session. Throws `bad_address`.
 */
export function parseAddress(text: string): Address {
  const [, before = '', hosts = '', after = ''] = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/s.exec(text) ?? [];
  // A second @ is one of the password: what stands before it must not be taken for a host, and shown.
  const servers = hosts.includes('@') ? [] : hosts.split(',').map(serverOf);
  const isWhole = servers.length > 0 && servers.every(({ host, port }) => host !== '' && Number.isInteger(port));
  if (before === '' || !isWhole) throw badAddress();
  const url = URL.parse(`${before}host${after}`);
  if (url === null) throw badAddress();
  const user = decoded(url.username) || process.env['USER'] || 'postgres';
  const database = decoded(url.pathname.slice(1)) || user;
  const {
    sslmode = 'disable',
    sslrootcert,
    sslcert,
    sslkey,
    target_session_attrs,
    ...others
  } = Object.fromEntries(url.searchParams);
  const parameters = Object.fromEntries(Object.entries(others).filter(([name]) => !CLIENT_SIDE.test(name)));
  return {
    servers,
    user,
    password: decoded(url.password),
    database,
    tls: tlsOf(sslmode, { ca: sslrootcert === 'system' ? undefined : sslrootcert, cert: sslcert, key: sslkey }),
    primaryOnly: servers.length > 1 || target_session_attrs === 'read-write' || target_session_attrs === 'primary',
    parameters,
    label: `${servers.map(({ host, port }) => `${host}:${port}`).join(',')}/${database}`,
  };
}

function serverOf(text: string): Server {
  const [, name = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(text) ?? [];
  const host = decoded(name).replace(/^\[(.*)\]$/, '$1');
  return { host, port: port === '' ? PORT : Number(port) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badAddress();
  }
}

type Files = Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>;

function tlsOf(mode: string, files: Files): Address['tls'] {
  switch (mode) {
    case 'disable':
    case 'allow':
      return null;
    case 'prefer':
      return mode;
    case 'require':
    case 'verify-ca':
    case 'verify-full': {
      const given = Object.entries(files).flatMap(([name, path]) => (path === undefined ? [] : [[name, read(path)]]));
      const isChecked = mode !== 'require' || files.ca !== undefined;
      return { rejectUnauthorized: isChecked, anyName: mode !== 'verify-full', ...Object.fromEntries(given) };
    }
    default:
      throw new PostgresStoreError('bad_address', `postgres.url: sslmode ${mode} is not known`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PostgresStoreError('bad_address', `postgres.url: ${path} can't be read`, cause);
  }
}

function badAddress(): PostgresStoreError {
  const form =
    'postgres://user:password@host:5432/database, in names and passwords with %40 for @, %25 for % and so on';
  return new PostgresStoreError('bad_address', `postgres.url: is no address of the form ${form}`);
}
