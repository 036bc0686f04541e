import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { PrefaceDecoder, encodeChannelPreface } from '../../src/process/preface.ts';
import { encodePreface } from '../../src/protocol/wire.ts';

describe('replication preface', () => {
  it('reads the golden line, however it is cut, and keeps what follows', () => {
    const line = Buffer.from('ETERNE-MIRROR/1 v0 node-b\nrest');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: line.length - 1 }), (cut) => {
        const decoder = new PrefaceDecoder();
        let event = decoder.push(line.subarray(0, cut));
        const early = event.kind === 'preface';
        if (event.kind === 'more') event = decoder.push(line.subarray(cut));
        assert.ok(event.kind === 'preface');
        assert.deepEqual(event.preface, { volume: 'v0', fromNode: 'node-b', channel: { kind: 'mirror' } });
        assert.equal(event.surplus.toString(), early ? line.toString('latin1', 26, cut) : 'rest');
      }),
    );
  });

  it('reads what a dialer writes', () => {
    const event = new PrefaceDecoder().push(encodePreface('v0', 'b'));
    assert.ok(event.kind === 'preface');
    assert.deepEqual(event.preface, { volume: 'v0', fromNode: 'b', channel: { kind: 'mirror' } });
  });

  it('reads what the channels of front ends begin with', () => {
    const channels = [{ kind: 'front', portal: '[::1]:3260' }, { kind: 'state' }] as const;
    for (const channel of channels) {
      const event = new PrefaceDecoder().push(encodeChannelPreface('v0', 'b', channel));
      assert.ok(event.kind === 'preface');
      assert.deepEqual(event.preface, { volume: 'v0', fromNode: 'b', channel });
    }
  });

  it('reads which of several connections it is', () => {
    for (const kind of ['new', 'join'] as const) {
      const path = { kind, id: '0123456789abcdef' };
      const event = new PrefaceDecoder().push(encodePreface('v0', 'b', path));
      assert.ok(event.kind === 'preface');
      assert.deepEqual(event.preface, { volume: 'v0', fromNode: 'b', channel: { kind: 'mirror', path } });
    }
  });

  it('refuses anything else, for good, and never gathers more than a line', () => {
    const hostile = [
      'ETERNE-MIRROR/2 v0 b\n',
      'ETERNE-MIRROR/1 v0\n',
      'ETERNE-MIRROR/1 ../v0 b\n',
      'ETERNE-MIRROR/1 v0 b \n',
      'ETERNE-MIRROR/1 v0 b front\n',
      'ETERNE-MIRROR/1 v0 b front 127.0.0.1:1 \n',
      'ETERNE-MIRROR/1 v0 b other\n',
      'ETERNE-MIRROR/1 v0 b new:0123\n',
      'ETERNE-MIRROR/1 v0 b old:0123456789abcdef\n',
      'GET / HTTP/1.1\r\n',
      '\n',
      'x'.repeat(256),
    ];
    for (const text of hostile) {
      const decoder = new PrefaceDecoder();
      assert.equal(decoder.push(Buffer.from(text)).kind, 'failed');
      assert.equal(decoder.push(encodePreface('v0', 'b')).kind, 'failed');
    }
    const slow = new PrefaceDecoder();
    for (let sent = 0; sent < 255; sent += 1) assert.equal(slow.push(Buffer.from('x')).kind, 'more');
    assert.equal(slow.push(Buffer.from('x')).kind, 'failed');
  });
});
