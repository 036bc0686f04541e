import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { warningText } from '../src/i18n/warning-text.ts';

/** As the service says them. */
const WARNINGS: readonly (readonly [string, string])[] = [
  ['n2 is not heard.', 'n2 失联。'],
  ['Volume data is not in sync on n2, n3.', '镜像卷 data 在 n2, n3 上未同步。'],
  ['Group db has no node that would take it over now.', '资源组 db 目前没有节点可以接管。'],
  ['n1 has no watchdog: no /dev/watchdog.', 'n1 没有看门狗：no /dev/watchdog.'],
];

test('warnings are said in Chinese, with why in the words of whoever noticed', () => {
  for (const [warning, chinese] of WARNINGS) {
    assert.equal(warningText(warning, 'zh'), chinese);
    assert.equal(warningText(warning, 'en'), warning);
  }
});

test('a warning that is not known is not lost', () => {
  assert.equal(warningText('Something new happened.', 'zh'), 'Something new happened.');
});

test('the sentences that are looked for are those of the service', () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
  const said = read('../../cluster/src/service/status.ts');
  const known = [...read('../src/i18n/warning-text.ts').matchAll(/\/\^(.+)\$\/,/g)].map(
    ([, text = '']) => text,
  );
  assert.ok(known.length > 12);
  for (const pattern of known) {
    // The longest run of plain words in it.
    const words = pattern.split(/\\S\+|[()|?:\\.*+]+/).reduce((a, b) => (b.length > a.length ? b : a));
    assert.ok(said.includes(words.trim()), words);
  }
});
