import { type Endpoint, parseEndpoint } from '../../../../pkg/config/endpoint.ts';

/** What a Redis URL says. Names of query parameters and parts are in README.md. */
export interface RedisAddress {
  readonly kind: 'server' | 'sentinel' | 'cluster';
  readonly isTls: boolean;
  /** Of the server, or of Sentinels or some of the cluster's nodes. */
  readonly endpoints: readonly Endpoint[];
  readonly username: string | null;
  readonly password: string | null;
  /** 0 in a cluster. */
  readonly database: number;
  /** What Sentinel calls the master; empty otherwise. */
  readonly masterName: string;
  readonly sentinelUsername: string | null;
  readonly sentinelPassword: string | null;
  /** PEM file with the authorities that are trusted, in place of the system's. */
  readonly caFile: string | null;
}

const DEFAULT_PORTS = { server: 6_379, sentinel: 26_379, cluster: 6_379 } as const;
const PARAMETERS = ['ca', 'sentinelUsername', 'sentinelPassword'];
const DATABASE_MAX = 1_000_000;
const FORM = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?]*)@)?([^@/?]+)(?:\/([^?]*))?(?:\?(.*))?$/;

/** The address, or null if it is none. */
export function parseRedisAddress(url: string): RedisAddress | null {
  const match = FORM.exec(url);
  if (match === null) return null;
  const [, scheme, kindName = 'server', login = '', hosts = '', path = '', query = ''] = match;
  const kind = kindName as RedisAddress['kind'];
  const endpoints = hosts.split(',').map((host) => parseEndpoint(withPort(host, DEFAULT_PORTS[kind])));
  if (kind === 'server' && endpoints.length > 1) return null;
  const parts = path === '' ? [] : path.split('/');
  const masterName = kind === 'sentinel' ? decoded(parts.shift() ?? '') : '';
  const [database = '0', ...rest] = parts;
  const parameters = new URLSearchParams(query);
  const [username, password] = splitLogin(login);
  const known = [...parameters.keys()].every((name) => PARAMETERS.includes(name));
  if (!known || masterName === null || (kind === 'sentinel') !== (masterName !== '')) return null;
  if (username === undefined || password === undefined || !endpoints.every((endpoint) => endpoint !== null))
    return null;
  if (!/^\d*$/.test(database) || Number(database) > DATABASE_MAX || rest.length > 0) return null;
  if (kind === 'cluster' && Number(database) !== 0) return null;
  return {
    ...{ kind, isTls: scheme === 'rediss', endpoints, username, password, masterName },
    database: Number(database),
    sentinelUsername: parameters.get('sentinelUsername'),
    sentinelPassword: parameters.get('sentinelPassword'),
    caFile: parameters.get('ca'),
  };
}

function withPort(host: string, port: number): string {
  return /:\d+$/.test(host) && !/^[^[]*:.*:/.test(host) ? host : `${host}:${port}`;
}

/** undefined: not properly escaped. */
function splitLogin(login: string): [string | null | undefined, string | null | undefined] {
  const [user = '', ...rest] = login.split(':');
  const parts = [user, rest.join(':')].map((part) => (part === '' ? null : (decoded(part) ?? undefined)));
  return [parts[0], parts[1]];
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
