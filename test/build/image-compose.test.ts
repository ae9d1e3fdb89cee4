import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { readSettings } from '../../cmd/marketflow/settings.ts';
import { ImageStage, ROOT } from './image-file.ts';

interface Service {
  readonly image: string;
  readonly pull_policy?: string;
  readonly build?: {
    readonly context: string;
    readonly dockerfile: string;
    readonly target: string;
    readonly args: Readonly<Record<string, string>>;
  };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly networks: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly deploy: { readonly resources: { readonly limits: { readonly memory: string; readonly pids: number } } };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, object>>;
}

const COMPOSE_TEXT = readFileSync(join(ROOT, 'deployments/docker-compose.yml'), 'utf8');
const EXAMPLE_TEXT = readFileSync(join(ROOT, '.env.example'), 'utf8');
const EXCHANGES = ['exchange1', 'exchange2', 'exchange3'];
const SECRETS = { POSTGRES_PASSWORD: 'pg-secret', REDIS_PASSWORD: 'redis-secret' };

/** As compose does: `${NAME:-fallback}`, `${NAME:?reason}`, `$$` = `$`. */
function compose(variables: Readonly<Record<string, string>> = SECRETS): Compose {
  const text = COMPOSE_TEXT.replaceAll(/^\s*#.*$/gm, '').replaceAll(
    /\$\$|\$\{(\w+)(:[-?])([^}]*)\}/g,
    (whole, name: string | undefined, kind: string, rest: string) => {
      if (name === undefined) return whole === '$$' ? '$' : whole;
      const value = variables[name] ?? '';
      if (value === '' && kind === ':?') throw new Error(`${name}: ${rest}`);
      return value === '' ? rest : value;
    },
  );
  assert.doesNotMatch(text.replaceAll('"$REDISCLI_AUTH"', ''), /\$/);
  return parse(text, { merge: true }) as Compose;
}

function service(name: string): Service {
  const found = compose().services[name];
  assert.ok(found !== undefined, `no service ${name}`);
  return found;
}

function stageOf(name: string): ImageStage {
  const { build } = service(name);
  assert.ok(build !== undefined);
  assert.deepEqual([build.context, build.dockerfile], ['..', 'deployments/Dockerfile']);
  return new ImageStage(build.target, build.args);
}

test('the settings that compose gives are known ones, and lead to the services that are there', () => {
  const { services } = compose();
  const marketflow = service('marketflow');
  const environment = { ...stageOf('marketflow').environment, ...marketflow.environment };
  const loaded = readSettings({ file: null, environment, flags: [] });
  assert.deepEqual(loaded.ok ? [] : loaded.problems, []);
  assert.ok(loaded.ok);
  const { settings } = loaded;
  assert.equal(settings.mode, 'live');
  assert.deepEqual(
    settings.live.sources,
    EXCHANGES.map((exchange, index) => ({ exchange, kind: 'tcp', host: exchange, port: 40_101 + index })),
  );
  const databaseUrl = new URL(settings.postgres?.url ?? '');
  const timescale = services['timescaledb']?.environment ?? {};
  assert.deepEqual(
    [databaseUrl.hostname, databaseUrl.username, databaseUrl.password, databaseUrl.pathname],
    ['timescaledb', timescale['POSTGRES_USER'], timescale['POSTGRES_PASSWORD'], `/${timescale['POSTGRES_DB']}`],
  );
  const redisUrl = new URL(settings.redis?.url ?? '');
  assert.deepEqual(
    [redisUrl.hostname, redisUrl.password],
    ['redis', services['redis']?.environment?.['REDISCLI_AUTH']],
  );
  for (const host of ['timescaledb', 'redis', ...EXCHANGES]) {
    const shared = services[host]?.networks.filter((network) => marketflow.networks.includes(network));
    assert.equal(shared?.length, 1, host);
  }
});

test('MarketFlow’s port, address and folder are the same in image, compose and settings', () => {
  const stage = stageOf('marketflow');
  const { environment, ports = [], volumes = [] } = service('marketflow');
  assert.equal(environment?.['MARKETFLOW_SERVER_HOST'], '0.0.0.0');
  assert.equal(environment['MARKETFLOW_SERVER_PORT'], stage.environment['MARKETFLOW_SERVER_PORT']);
  assert.equal(stage.one('EXPOSE'), environment['MARKETFLOW_SERVER_PORT']);
  assert.deepEqual(ports, [`127.0.0.1:8080:${stage.one('EXPOSE')}`]);
  assert.deepEqual(volumes, [`marketflow-data:${stage.one('VOLUME')}`]);
  assert.equal(stage.environment['MARKETFLOW_DATA_DIR'], stage.one('VOLUME'));
  const elsewhere = compose({ ...SECRETS, PUBLISH_ADDRESS: '10.0.0.7', PUBLISH_PORT: '80' });
  assert.deepEqual(elsewhere.services['marketflow']?.ports, ['10.0.0.7:80:8080']);
});

test('exchanges have the original images’ names and ports, and stand-ins that are never pulled', () => {
  for (const [index, name] of EXCHANGES.entries()) {
    const port = String(40_101 + index);
    const stage = stageOf(name);
    const { image, pull_policy, ports } = service(name);
    assert.deepEqual([image, pull_policy, ports], [name, 'never', [`127.0.0.1:${port}:${port}`]]);
    assert.deepEqual(stage.environment, { EXCHANGE: name, PORT: port });
    // A command or a check in compose would hold for the original image too.
    assert.deepEqual(
      Object.keys(service(name)).filter((key) => ['command', 'entrypoint', 'healthcheck'].includes(key)),
      [],
    );
  }
});

test('stores start first, are healthy before MarketFlow starts, and can’t be reached from outside', () => {
  const { depends_on } = service('marketflow');
  assert.deepEqual(depends_on, {
    timescaledb: { condition: 'service_healthy' },
    redis: { condition: 'service_healthy' },
    ...Object.fromEntries(EXCHANGES.map((name) => [name, { condition: 'service_started' }])),
  });
  const { networks, volumes } = compose();
  assert.equal(networks['stores']?.internal, true);
  for (const name of ['timescaledb', 'redis']) {
    const { ports, networks: joined, healthcheck } = service(name);
    assert.deepEqual([ports, joined, healthcheck !== undefined], [undefined, ['stores'], true]);
  }
  assert.deepEqual(Object.keys(volumes), ['marketflow-data', 'timescaledb-data']);
});

test('what is ours or known runs without privileges on a read-only root; everything has limits', () => {
  for (const [name, { deploy, security_opt }] of Object.entries(compose().services)) {
    assert.ok(deploy.resources.limits.memory !== '' && deploy.resources.limits.pids > 0, name);
    assert.deepEqual(security_opt, ['no-new-privileges:true'], name);
  }
  for (const name of ['marketflow', 'redis', 'timescaledb']) {
    const { read_only, cap_drop } = service(name);
    assert.deepEqual([read_only, cap_drop], [true, ['ALL']], name);
  }
  for (const name of ['redis', 'timescaledb']) assert.match(service(name).user ?? '', /^[1-9]\d*:[1-9]\d*$/);
});

test('there is no secret to be found, and none that goes without saying', () => {
  const variables = Object.fromEntries(
    EXAMPLE_TEXT.split('\n')
      .filter((line) => /^\w/.test(line))
      .map((line) => line.split('=') as [string, string]),
  );
  const used = [...COMPOSE_TEXT.matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
  assert.deepEqual(
    Object.keys(variables).filter((name) => !used.includes(name)),
    [],
    'a variable that nothing uses',
  );
  assert.deepEqual([variables['POSTGRES_PASSWORD'], variables['REDIS_PASSWORD']], ['', '']);
  assert.throws(() => compose(variables), /_PASSWORD: set it in \.env/);
  for (const name of Object.keys(SECRETS)) assert.throws(() => compose({ ...SECRETS, [name]: '' }), new RegExp(name));
  const dockerfile = readFileSync(join(ROOT, 'deployments/Dockerfile'), 'utf8');
  assert.doesNotMatch(dockerfile, /password|secret|token/i);
  assert.match(readFileSync(join(ROOT, '.dockerignore'), 'utf8'), /^\*\*\/\.env$/m);
});

test('base images are pinned by version and digest, others by version at least', () => {
  for (const base of ['build', 'exchange', 'marketflow'].map((name) => new ImageStage(name).base))
    assert.match(base, /^[a-z]+:[a-z0-9.-]*\d[a-z0-9.-]*@sha256:[0-9a-f]{64}$/);
  assert.match(service('redis').image, /^redis:\d+\.\d+\.\d+-alpine@sha256:[0-9a-f]{64}$/);
  assert.match(service('timescaledb').image, /^timescale\/timescaledb:\d+\.\d+\.\d+-pg\d+$/);
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } };
  assert.deepEqual([engines.node, new ImageStage('build').base.startsWith('node:24.')], ['>=24.6', true]);
});

test('images say what they are', () => {
  const { license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { license: string };
  for (const name of ['marketflow', 'exchange']) {
    const { labels } = new ImageStage(name, { VERSION: '1.2.3', REVISION: 'abc' });
    assert.equal(labels['org.opencontainers.image.version'], '1.2.3');
    assert.equal(labels['org.opencontainers.image.revision'], 'abc');
    assert.equal(labels['org.opencontainers.image.licenses'], license);
    assert.ok((labels['org.opencontainers.image.title'] ?? '').startsWith('marketflow'));
    assert.ok((labels['org.opencontainers.image.description'] ?? '').length > 20);
  }
});
