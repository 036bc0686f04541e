import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { nodeTls } from '../src/node/late-tls.ts';

const WORLD = new URL('../src/node/world.ts', import.meta.url).href;

test('a process that opens no TLS connection loads nothing for one', () => {
  const program = `
    import { createNodeWorld } from '${WORLD}';
    createNodeWorld('test');
    process.stdout.write(String(process.moduleLoadList.includes('NativeModule tls')));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.equal(said, 'false');
});

test('it is there when it is needed', () => {
  assert.equal(typeof nodeTls().connect, 'function');
});
