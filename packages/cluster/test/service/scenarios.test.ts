/** `ETERNE_REWRITE=1` writes the outcomes into `expect` instead of comparing them: then read the diff, and judge it. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { runScenario } from './scenario.ts';

const folder = new URL('../../scenarios/', import.meta.url);

for (const name of readdirSync(folder).toSorted()) {
  test(`scenario ${name}`, () => {
    const read = (file: string): string => {
      const path = new URL(`${name}/${file}`, folder);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    const actual = runScenario(read('cluster'), read('commands'));
    if (process.env['ETERNE_REWRITE'] === '1') writeFileSync(new URL(`${name}/expect`, folder), actual);
    else assert.equal(actual, read('expect'));
  });
}
