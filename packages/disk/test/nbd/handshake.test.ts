import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { ExportCatalog } from '../../src/nbd/export.ts';
import { Handshake, greeting, type HandshakeOutcome } from '../../src/nbd/handshake.ts';
import { MAX_OPTIONS, MAX_OPTION_BYTES } from '../../src/nbd/limits.ts';
import { OPTION } from '../../src/nbd/wire.ts';
import { MemoryDevice } from '../support/memory-device.ts';

const device = new MemoryDevice(1024 * 1024);
const served: ExportCatalog = {
  names: () => ['v0'],
  find: (name) => (name === 'v0' || name === '' ? { kind: 'served', device } : { kind: 'unknown' }),
};
const withheld: ExportCatalog = {
  names: () => [],
  find: () => ({ kind: 'withheld', reason: 'v0 is secondary' }),
};

const FLAGS = Buffer.from([0, 0, 0, 3]);

function option(code: number, data = Buffer.alloc(0), claimedBytes = data.length): Buffer {
  const header = Buffer.alloc(16);
  header.write('IHAVEOPT', 'latin1');
  header.writeUInt32BE(code, 8);
  header.writeUInt32BE(claimedBytes, 12);
  return Buffer.concat([header, data]);
}

function text(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(value), 0);
  return Buffer.concat([length, Buffer.from(value)]);
}

const u16s = (...values: number[]): Buffer =>
  Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
const u32 = (value: number): Buffer =>
  Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
const goOption = (name: string, ...infos: number[]): Buffer =>
  option(OPTION.go, Buffer.concat([text(name), u16s(infos.length, ...infos)]));

function run(exports: ExportCatalog, ...bytes: Buffer[]): { sent: Buffer; outcome: HandshakeOutcome } {
  const handshake = new Handshake(exports, 'clear');
  const sent: Buffer[] = [];
  let outcome: HandshakeOutcome = { kind: 'continue' };
  for (const chunk of bytes) {
    const step = handshake.push(chunk);
    sent.push(...step.send);
    outcome = step.outcome;
    if (outcome.kind !== 'continue') break;
  }
  return { sent: Buffer.concat(sent), outcome };
}

/** Reply types in order, each with its data. */
function replies(sent: Buffer): { type: number; data: Buffer }[] {
  const found = [];
  for (let at = 0; at < sent.length;) {
    assert.equal(sent.toString('hex', at, at + 8), '0003e889045565a9');
    const lengthBytes = sent.readUInt32BE(at + 16);
    found.push({ type: sent.readUInt32BE(at + 12), data: sent.subarray(at + 20, at + 20 + lengthBytes) });
    at += 20 + lengthBytes;
  }
  return found;
}

describe('NBD handshake', () => {
  it('greets with the golden bytes', () => {
    assert.equal(greeting().toString('hex'), '4e42444d4147494349484156454f50540003');
  });

  it('opens an export with GO, and says size, flags and block sizes', () => {
    const { sent, outcome } = run(served, FLAGS, option(OPTION.structuredReply), goOption('v0', 1, 3));
    const [structured, info, name, blockSize, ack] = replies(sent);
    assert.equal(structured?.type, 1);
    assert.equal(info?.data.toString('hex'), '0000000000000010000005ed');
    assert.equal(name?.data.toString('hex'), '00017630');
    assert.equal(blockSize?.data.toString('hex'), '0003000000010000100004000000');
    assert.equal(ack?.type, 1);
    assert.equal(outcome.kind === 'transmission' && outcome.session.structuredReplies, true);
  });

  it('hands over bytes that follow GO', () => {
    const { outcome } = run(served, Buffer.concat([FLAGS, goOption(''), Buffer.from('next')]));
    assert.equal(outcome.kind === 'transmission' && outcome.rest.toString(), 'next');
  });

  it('answers EXPORT_NAME bare, with padding unless NO_ZEROES', () => {
    const padded = run(served, Buffer.from([0, 0, 0, 1]), option(OPTION.exportName, Buffer.from('v0')));
    assert.equal(padded.sent.length, 134);
    const short = run(served, FLAGS, option(OPTION.exportName, Buffer.from('v0')));
    assert.equal(short.sent.toString('hex'), '0000000000100000056d');
    assert.equal(short.outcome.kind, 'transmission');
  });

  it('refuses what is not served: by POLICY on a secondary, UNKNOWN for another name', () => {
    const secondary = run(withheld, FLAGS, goOption('v0'));
    assert.deepEqual(replies(secondary.sent), [{ type: 0x80000002, data: Buffer.from('v0 is secondary') }]);
    assert.equal(secondary.outcome.kind, 'continue');
    assert.equal(replies(run(served, FLAGS, goOption('v1')).sent)[0]?.type, 0x80000006);
    assert.equal(run(withheld, FLAGS, option(OPTION.exportName, Buffer.from('v0'))).outcome.kind, 'close');
  });

  it('lists the exports that can be opened', () => {
    const list = replies(run(served, FLAGS, option(OPTION.list)).sent);
    assert.deepEqual(list, [
      { type: 2, data: text('v0') },
      { type: 1, data: Buffer.alloc(0) },
    ]);
    assert.equal(replies(run(withheld, FLAGS, option(OPTION.list)).sent).length, 1);
  });

  it('selects base:allocation only after structured replies, and only for the export named', () => {
    const set = option(
      OPTION.setMetaContext,
      Buffer.concat([text('v0'), u32(2), text('qemu:x'), text('base:allocation')]),
    );
    assert.equal(replies(run(served, FLAGS, set).sent)[0]?.type, 0x80000003);
    const structured = option(OPTION.structuredReply);
    const chosen = run(served, FLAGS, structured, set, goOption('v0'));
    assert.deepEqual(replies(chosen.sent)[1], {
      type: 4,
      data: Buffer.concat([u32(1), Buffer.from('base:allocation')]),
    });
    assert.equal(chosen.outcome.kind === 'transmission' && chosen.outcome.session.allocationContext, true);
    const other = run(served, FLAGS, structured, set, goOption(''));
    assert.equal(other.outcome.kind === 'transmission' && other.outcome.session.allocationContext, false);
  });

  it('answers unknown options UNSUP and malformed ones INVALID, and goes on', () => {
    assert.equal(replies(run(served, FLAGS, option(4711)).sent)[0]?.type, 0x80000001);
    const malformed = [
      option(OPTION.go, Buffer.from([0, 0])),
      option(OPTION.go, Buffer.concat([u32(0xffffffff), u16s(0)])),
      option(OPTION.go, Buffer.concat([text('v0'), u16s(9)])),
      option(OPTION.go, Buffer.concat([text('v0'), u16s(0), Buffer.from('trailing')])),
      option(OPTION.list, Buffer.from('x')),
      option(OPTION.structuredReply, Buffer.from('x')),
      option(OPTION.listMetaContext, Buffer.concat([text('v0'), u32(0xffffffff)])),
    ];
    for (const bytes of malformed) {
      const { sent, outcome } = run(served, FLAGS, bytes);
      assert.equal(replies(sent)[0]?.type, 0x80000003);
      assert.equal(outcome.kind, 'continue');
    }
  });

  it('acknowledges ABORT and closes', () => {
    const { sent, outcome } = run(served, FLAGS, option(OPTION.abort));
    assert.equal(replies(sent)[0]?.type, 1);
    assert.equal(outcome.kind, 'close');
  });

  it('closes on unknown client flags, wrong magic, oversized options and endless options', () => {
    const endless = Array.from({ length: MAX_OPTIONS + 1 }, () => option(OPTION.list));
    const hostile = [
      [Buffer.from([0, 0, 1, 3])],
      [FLAGS, Buffer.from('GET / HTTP/1.1\r\n')],
      [FLAGS, option(OPTION.go, Buffer.alloc(0), MAX_OPTION_BYTES + 1)],
      [FLAGS, ...endless],
    ];
    for (const bytes of hostile) assert.equal(run(served, ...bytes).outcome.kind, 'close');
  });

  it('answers the same however the bytes are cut', () => {
    const bytes = Buffer.concat([
      FLAGS,
      option(OPTION.list),
      option(OPTION.structuredReply),
      goOption('v0', 3),
      Buffer.from('rest'),
    ]);
    const whole = run(served, bytes);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (step) => {
        const chunks = [];
        for (let at = 0; at < bytes.length - 4; at += step)
          chunks.push(bytes.subarray(at, Math.min(bytes.length - 4, at + step)));
        const cut = run(served, ...chunks);
        assert.deepEqual(cut.sent, whole.sent);
        assert.equal(cut.outcome.kind, 'transmission');
      }),
    );
  });

  it('insists on TLS where the export has it, and forgets what was agreed on in clear', () => {
    const handshake = new Handshake(served, 'demanded');
    const before = handshake.push(Buffer.concat([FLAGS, option(OPTION.structuredReply), goOption('v0')]));
    assert.deepEqual(
      replies(Buffer.concat(before.send)).map(({ type }) => type),
      [0x80000005, 0x80000005],
    );
    const start = handshake.push(option(OPTION.startTls));
    assert.deepEqual([replies(Buffer.concat(start.send))[0]?.type, start.outcome.kind], [1, 'secure']);
    handshake.secured();
    const again = handshake.push(option(OPTION.startTls));
    assert.equal(replies(Buffer.concat(again.send))[0]?.type, 0x80000003);
    assert.equal(handshake.push(goOption('v0')).outcome.kind, 'transmission');
  });

  it('takes nothing in clear after STARTTLS, and no export name before it', () => {
    const injected = new Handshake(served, 'demanded').push(
      Buffer.concat([FLAGS, option(OPTION.startTls), goOption('v0')]),
    );
    assert.equal(injected.outcome.kind, 'close');
    const named = new Handshake(served, 'demanded').push(
      Buffer.concat([FLAGS, option(OPTION.exportName, Buffer.from('v0'))]),
    );
    assert.equal(named.outcome.kind, 'close');
    const refused = new Handshake(served, 'demanded').push(
      Buffer.concat([FLAGS, option(OPTION.startTls, Buffer.from('x'))]),
    );
    assert.equal(replies(Buffer.concat(refused.send))[0]?.type, 0x80000003);
    assert.equal(replies(run(served, FLAGS, option(OPTION.startTls)).sent)[0]?.type, 0x80000001);
  });
});
