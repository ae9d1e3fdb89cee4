import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helpText, parseArguments } from './arguments.ts';
import { FAULT_KINDS } from './faults.ts';

function problemsOf(...args: string[]): readonly string[] {
  const parsed = parseArguments(args);
  assert.equal(parsed.kind, 'wrong');
  return parsed.kind === 'wrong' ? parsed.problems : [];
}

test('one exchange is enough, the rest has defaults', () => {
  assert.deepEqual(parseArguments(['--exchange', 'exchange1=40101']), {
    kind: 'run',
    run: {
      exchanges: [{ name: 'exchange1', port: 40_101 }],
      host: '127.0.0.1',
      symbols: ['BTCUSDT', 'DOGEUSDT', 'TONUSDT', 'SOLUSDT', 'ETHUSDT'],
      ticksPerSecond: 100,
      seed: 1,
      faults: new Map(),
      withQuantity: false,
      recordPath: null,
    },
  });
});

test('every flag is read', () => {
  const text =
    '--exchange a=0,b=0 --host ::1 --symbols X,Y --rate 0.1 --seed 42 --faults late:0.5:200000,crlf --quantity --record r.ndjson';
  assert.deepEqual(parseArguments(text.split(' ')), {
    kind: 'run',
    run: {
      exchanges: [
        { name: 'a', port: 0 },
        { name: 'b', port: 0 },
      ],
      host: '::1',
      symbols: ['X', 'Y'],
      ticksPerSecond: 0.1,
      seed: 42,
      faults: new Map([
        ['late', { probability: 0.5, parameter: 200_000 }],
        ['crlf', { probability: 0.05, parameter: 0 }],
      ]),
      withQuantity: true,
      recordPath: 'r.ndjson',
    },
  });
});

test('all problems are named at once, each with its flag', () => {
  const text =
    '--exchange a=1,a=1,=3,c=99999 --rate 0 --seed x --symbols A,,A --faults fly,late:2,crlf:1:5 --nope stray --quantity=1';
  const problems = problemsOf(...text.split(' '));
  const flags = problems.map((problem) => problem.slice(0, problem.indexOf(':')));
  assert.deepEqual(flags, [
    ...['--nope', '"stray"', '--quantity', '--rate', '--faults', '--faults', '--faults'],
    ...['--exchange', '--exchange', '--exchange', '--exchange', '--symbols', '--symbols', '--seed'],
  ]);
});

test('single mistakes', () => {
  const exchange = ['--exchange', 'a=1'];
  assert.match(problemsOf().join(), /^--exchange: is required/);
  assert.match(problemsOf('--exchange').join(), /^--exchange: needs a value$/);
  assert.match(problemsOf(...exchange, '--rate', '1000001').join(), /^--rate: .* 0.1 to 1000000$/);
  assert.match(problemsOf(...exchange, '--rate', '1e3').join(), /^--rate/);
  assert.match(problemsOf(...exchange, '--rate', 'max', '--faults', 'crlf').join(), /^--faults: needs a --rate/);
  assert.match(problemsOf(...exchange, '--faults', 'crlf:0.6,split:0.6').join(), /add up to 1.2, over 1$/);
  assert.match(problemsOf(...exchange, '--faults', 'long:0.1:100').join(), /from 66000 to 1048576$/);
  assert.match(problemsOf(...exchange, ...exchange).join(), /^--exchange: is given twice$/);
});

test('help names every flag and fault; help and version need no exchange', () => {
  const help = helpText();
  for (const kind of FAULT_KINDS) assert.ok(help.includes(`  ${kind}:`), kind);
  for (const flag of ['exchange', 'host', 'symbols', 'rate', 'seed', 'faults', 'quantity', 'record']) {
    assert.ok(help.includes(`--${flag}`), flag);
  }
  assert.equal(parseArguments(['--help']).kind, 'help');
  assert.equal(parseArguments(['--version']).kind, 'version');
});
