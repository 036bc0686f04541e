import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Phrasebook } from '../../src/i18n/said/phrases.ts';
import { saidText } from '../../src/i18n/said/said-text.ts';

const book = new Phrasebook(
  [
    ['… is not heard', '… 失联'],
    ['… is in {mode=}', '… 处于{mode}'],
    ['no node can take group {group}: {why*}', '没有节点可以接管资源组 {group}：{why}'],
    ['{a!} or {b!}', '{a} 或 {b}'],
    ['volume {volume}', '镜像卷 {volume}'],
  ],
  { standby: '待机' },
);

test('half a sentence is known by itself, and after the name of whoever it is about', () => {
  assert.equal(book.translate('is not heard'), '失联');
  assert.equal(book.translate('n1 is not heard'), 'n1 失联');
  assert.equal(book.translate('n1 is not heard.'), 'n1 失联。');
});

test('a list of names is one', () => {
  assert.equal(saidText('a and b crashed as primary', 'zh'), 'a、b 曾在担任主节点时崩溃');
});

test('a word that joins is nobody’s name', () => {
  assert.equal(
    saidText('is ready, but has trouble: eth0 has no carrier', 'zh'),
    '已就绪，但存在问题：网口 eth0 链路不通',
  );
});

test('what is put together is taken apart where the parts are known', () => {
  assert.equal(book.translate('n1 is not heard, n2 is in standby'), 'n1 失联，n2 处于待机');
  assert.equal(book.translate('n1 is not heard; n2 is in standby'), 'n1 失联；n2 处于待机');
  assert.equal(book.translate('n1 is not heard (n2 is in standby)'), 'n1 失联（n2 处于待机）');
  assert.equal(book.translate('db: n1 is not heard'), 'db：n1 失联');
  assert.equal(book.translate('n1 is not heard: EIO'), 'n1 失联：EIO');
  assert.equal(book.translate('n1 is not heard, and so on'), undefined);
  assert.equal(
    book.translate('no node can take group db: n1 is not heard, n2 is in standby'),
    '没有节点可以接管资源组 db：n1 失联，n2 处于待机',
  );
});

test('a word that has none in Chinese, and a part that has to be known and is not, leave all of it as it is', () => {
  assert.equal(book.translate('n1 is in orbit'), undefined);
  assert.equal(book.translate('volume a or volume b'), '镜像卷 a 或 镜像卷 b');
  assert.equal(book.translate('this or that'), undefined);
});

test('why may be in the words of whoever noticed', () => {
  assert.equal(
    book.translate('no node can take group db: who knows'),
    '没有节点可以接管资源组 db：who knows',
  );
  assert.equal(book.translate('no node can take group db: a, b'), '没有节点可以接管资源组 db：a、b');
});

test('what is not known is not lost, and English stays English', () => {
  assert.equal(saidText('Something new happened.', 'zh'), 'Something new happened.');
  assert.equal(saidText('n2 is not heard.', 'en'), 'n2 is not heard.');
  assert.equal(saidText('n2 is not heard.', 'zh'), 'n2 失联。');
  assert.equal(saidText('n1 has no watchdog: no /dev/watchdog.', 'zh'), 'n1 没有看门狗：no /dev/watchdog。');
});

test('a group with a node of every kind of trouble is explained whole', () => {
  const nodes = Array.from(
    { length: 32 },
    (_, at) => `n${at} is ${at % 2 === 0 ? 'not heard' : 'in standby'}`,
  );
  const said = saidText(
    `n32 is ready; it is the first of the preferred nodes that may run it (${nodes.join(', ')})`,
    'zh',
  );
  assert.match(
    said,
    /^n32 已就绪；它是优先顺序中第一个可以运行的节点（n0 失联，n1 处于待机，.*，n31 处于待机）$/,
  );
});

test('a text of more pieces than any has that the server makes is not taken apart to its end', () => {
  const lost = (count: number): string =>
    Array.from({ length: count }, (_, at) => `n${at} is not heard`).join(', ');
  assert.match(book.translate(lost(32)) ?? '', /^n0 失联，.*，n31 失联$/);
  assert.equal(book.translate(lost(1000)), undefined);
});
