import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineDiff } from '../../src/wizards/line-diff.ts';

const SIGN = { same: ' ', added: '+', removed: '-', gap: '…' } as const;
const diff = (before: string, after: string): string =>
  lineDiff(before.split('').join('\n'), after.split('').join('\n'))
    .map(({ kind, text }) => SIGN[kind] + text)
    .join(' ');

test('what goes and what comes, with two lines around it', () => {
  assert.equal(diff('abcdefghij', 'abcdefXhij'), '…  e  f -g +X  h  i …');
  assert.equal(diff('abc', 'abcd'), '…  b  c +d');
  assert.equal(diff('abc', 'bc'), '-a  b  c');
  assert.equal(diff('', 'ab'), '+a +b');
  assert.equal(diff('ab', ''), '-a -b');
});

test('changes far from each other have a gap between them, equal texts nothing else', () => {
  assert.equal(diff('abcdefghij', 'Xbcdefghi'), '-a +X  b  c …  h  i -j');
  assert.equal(diff('abc', 'abc'), '…');
});
