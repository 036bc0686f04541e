import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KIB } from '@eterne/base';
import { Gathering } from '../src/index.ts';

function put(output: Gathering, text: string): void {
  const at = output.reserve(text.length);
  output.slab.write(text, at);
}

test('what is short goes out in one piece, what is long as it is, all in order', () => {
  const output = new Gathering();
  const long = Buffer.alloc(17 * KIB, 'l');
  put(output, 'head');
  assert.equal(output.append(Buffer.from('short')), true);
  assert.equal(output.append(long), false);
  put(output, 'tail');
  assert.equal(output.gatheredBytes, 4 + 5 + long.length + 4);
  const pieces = output.take();
  assert.deepEqual([pieces[0]?.toString(), pieces[2]?.toString()], ['headshort', 'tail']);
  assert.equal(pieces[1], long);
  assert.deepEqual([output.isEmpty, output.take()], [true, []]);
});

test('a full slab is followed by another, and what it held stays', () => {
  const output = new Gathering();
  const count = 40;
  for (let i = 0; i < count; i += 1) output.append(Buffer.alloc(10 * KIB, i));
  const pieces = output.take();
  assert.equal(pieces.length, 2);
  const all = Buffer.concat(pieces);
  for (let i = 0; i < count; i += 1)
    assert.ok(all.subarray(i * 10 * KIB, (i + 1) * 10 * KIB).equals(Buffer.alloc(10 * KIB, i)));
});

test('bytes that were taken are used again only when somebody says that they are sent', () => {
  const output = new Gathering();
  put(output, 'one');
  const [first] = output.take();
  put(output, 'two');
  output.take();
  assert.equal(first?.toString(), 'one');
  output.startOver();
  put(output, 'six');
  const [third] = output.take();
  assert.equal(third?.byteOffset, first?.byteOffset);
});
