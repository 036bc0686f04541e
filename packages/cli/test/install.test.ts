/** The first run of `eterne` in a fresh folder, with a npm that installs nothing but a node that notes what it is asked. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../../eterne', import.meta.url));

interface Fresh {
  readonly run: (word: string) => string;
  /** What the node was asked, one line each. */
  readonly asked: () => readonly string[];
}

function freshFolder(context: TestContext, viteExit: number): Fresh {
  const root = mkdtempSync(join(tmpdir(), 'eterne-install-'));
  context.after(() => rmSync(root, { recursive: true }));
  const note = join(root, 'asked');
  const write = (path: string, lines: readonly string[]): void => {
    writeFileSync(path, `#!/bin/sh\n${lines.join('\n')}\n`);
    chmodSync(path, 0o755);
  };
  copyFileSync(SCRIPT, join(root, 'eterne'));
  chmodSync(join(root, 'eterne'), 0o755);
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeFileSync(note, '');
  const [tools, bin] = [join(root, 'tools'), join(root, 'node_modules/.bin')];
  mkdirSync(tools);
  const node = join(root, 'node');
  write(node, [`echo "$*" >> ${note}`, `case "$*" in *vite.js*) exit ${viteExit};; esac`]);
  write(join(tools, 'npm'), [`mkdir -p ${bin}`, `cp ${node} ${bin}/node`]);
  const env = { PATH: `${tools}:${process.env['PATH'] ?? ''}` };
  return {
    run: (word) => {
      const { status, stderr } = spawnSync(join(root, 'eterne'), [word], { env, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      return stderr;
    },
    asked: () =>
      readFileSync(note, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.replaceAll(root, '')),
  };
}

test('the console is built with the installation, once', (context) => {
  const { asked, run } = freshFolder(context, 0);
  assert.match(run('first'), /installing dependencies[^]*building the console \(once\)/);
  assert.equal(run('second'), '');
  const [build, ...others] = asked();
  assert.match(build ?? '', /vite\.js build \/packages\/console/);
  assert.deepEqual(
    others.map((line) => line.split(' ').at(-1)),
    ['first', 'second'],
  );
});

test('a console that cannot be built holds up nothing', (context) => {
  const { asked, run } = freshFolder(context, 1);
  assert.match(run('first'), /the console could not be built; .*npm run build/);
  assert.match(asked().at(-1) ?? '', /first$/);
});
