import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FLAG_NAMES, HELP, parseCommandLine } from './arguments.ts';

function fault(...argv: string[]): string {
  const command = parseCommandLine(argv);
  assert.equal(command.kind, 'error', argv.join(' '));
  return command.kind === 'error' ? command.message : '';
}

test('without arguments it runs', () => {
  assert.deepEqual(parseCommandLine([]), { kind: 'run', configFile: null, flags: [] });
});

test('flags become values of settings', () => {
  const argv = ['--port', '0', '--mode=live', '--role', 'all', '--config', 'a.yaml'];
  assert.deepEqual(parseCommandLine(argv), {
    kind: 'run',
    configFile: 'a.yaml',
    flags: [
      { key: 'server.port', value: '0', origin: { kind: 'flag', name: '--port' } },
      { key: 'mode', value: 'live', origin: { kind: 'flag', name: '--mode' } },
      { key: 'role', value: 'all', origin: { kind: 'flag', name: '--role' } },
    ],
  });
});

test('help, version and config check', () => {
  assert.deepEqual(parseCommandLine(['--help']), { kind: 'help' });
  assert.deepEqual(parseCommandLine(['config', 'check', '-h']), { kind: 'help' });
  assert.deepEqual(parseCommandLine(['--version', '--nonsense']), { kind: 'version' });
  assert.deepEqual(parseCommandLine(['config', 'check']), { kind: 'check', configFile: null });
  assert.deepEqual(parseCommandLine(['--config', 'a', 'config', 'check']), { kind: 'check', configFile: 'a' });
});

test('unknown flags and commands, with a suggestion when one is near', () => {
  assert.equal(fault('--prot', '1'), '"--prot" is not a flag (did you mean --port?); marketflow --help lists them all');
  assert.match(fault('-port', '1'), /"-port" is not a flag \(did you mean --port\?\)/);
  assert.match(fault('-p'), /^"-p" is not a flag;/);
  assert.match(fault('--url=http://me:hunter2@h'), /^"--url" is not a flag/);
  assert.match(fault('config', 'chekc'), /"config chekc" is not a command \(did you mean config check\?\)/);
  for (const argv of [['run'], ['config', 'check', 'x'], ['--', '--port']])
    assert.match(fault(...argv), /is not a command/);
  assert.match(fault('config'), /must be config check/);
});

test('flags without a value, with a needless one, given twice, or of another command', () => {
  for (const argv of [['--port'], ['--port='], ['--port', '--mode', 'live']]) {
    assert.equal(fault(...argv), 'flag --port has no value: must be --port N');
  }
  assert.match(fault('--help=yes'), /takes no value/);
  assert.match(fault('--port', '1', '--port', '2'), /given twice/);
  assert.match(fault('config', 'check', '--port', '1'), /takes --config only/);
});

test('wrong values of flags are wrong flags', () => {
  const message = 'server.port (flag --port): "abc" is not a whole number: must be a whole number from 0 to 65535';
  assert.equal(fault('--port', 'abc'), message);
  assert.match(fault('--port', '-1'), /"-1" is too small/);
  assert.match(fault('--mode', 'foo'), /^mode \(flag --mode\): "foo" is not known: must be one of live, test$/);
  assert.match(fault('--role', 'alerter'), /"alerter" needs Kafka, and is not in this version: must be all or api/);
  assert.match(fault('--role', 'foo'), /"foo" is not a role/);
  assert.equal(fault('--mode', 'foo', '--port', 'x').split('; ').length, 1);
});

test('whatever the arguments, the answer is a command or one line', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('--', '-', '--port', '--mode=', 'config', 'check', '--no-port', '-hx'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
      const command = parseCommandLine(argv);
      assert.ok(command.kind !== 'error' || /^[^\r\n]+$/.test(command.message), JSON.stringify(command));
    }),
    { numRuns: 500 },
  );
});

test('the help text mentions every flag, every exit code and fits a terminal', () => {
  for (const flag of FLAG_NAMES) assert.ok(HELP.includes(`--${flag}`), flag);
  for (const code of [0, 64, 69, 70, 78]) assert.match(HELP, new RegExp(`^ +${code}  `, 'm'));
  const lines = HELP.split('\n');
  assert.ok(lines.length < 60, `${lines.length} lines`);
  for (const line of lines) assert.ok(line.length <= 84, line);
});
