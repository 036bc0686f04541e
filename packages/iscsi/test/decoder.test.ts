import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { PduDecoder, frame, type DecoderOwner, type Digests } from '@eterne/iscsi';
import { writeDataOut } from '@eterne/iscsi/pdu/data-out.ts';
import { writeNopOut } from '@eterne/iscsi/pdu/nop-out.ts';

const MAX_DATA_BYTES = 1024;
const NOP = { immediate: true, initiatorTaskTag: 7, targetTransferTag: 0xffffffff, cmdSn: 3, expStatSn: 4 };

class Collector implements DecoderOwner {
  readonly pdus: { header: string; data: string }[] = [];
  digestErrors = 0;
  placedBytes = 0;
  place(_header: Buffer, dataBytes: number): Buffer {
    this.placedBytes += dataBytes;
    return Buffer.alloc(dataBytes + 5); // may be longer than asked for
  }
  onPdu(header: Buffer, data: Buffer, dataBytes: number): boolean {
    this.pdus.push({ header: header.toString('hex'), data: data.toString('hex', 0, dataBytes) });
    return true;
  }
  onDataDigestError(): boolean {
    this.digestErrors += 1;
    return true;
  }
}

function decoderFor(digests: Digests): { decoder: PduDecoder; owner: Collector } {
  const owner = new Collector();
  const decoder = new PduDecoder(owner, MAX_DATA_BYTES);
  decoder.reconfigure(digests, MAX_DATA_BYTES);
  return { decoder, owner };
}

const ALL_DIGESTS: readonly Digests[] = [
  { header: false, data: false },
  { header: true, data: false },
  { header: false, data: true },
  { header: true, data: true },
];

describe('PduDecoder', () => {
  it('decodes the same PDUs however the bytes are cut, with and without digests', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(...ALL_DIGESTS),
        (payloads, cuts, digests) => {
          const stream = Buffer.concat(
            payloads.map((data) => frame(writeNopOut, NOP, Buffer.from(data), digests)),
          );
          const { decoder, owner } = decoderFor(digests);
          for (let at = 0, turn = 0; at < stream.length; turn += 1) {
            const chunk = stream.subarray(at, at + (cuts[turn % cuts.length] ?? 1));
            assert.equal(decoder.decode(chunk), chunk.length);
            at += chunk.length;
          }
          assert.equal(decoder.failure, '');
          assert.deepEqual(
            owner.pdus.map(({ data }) => data),
            payloads.map((data) => Buffer.from(data).toString('hex')),
          );
        },
      ),
    );
  });

  it('survives any bytes, takes no more memory than it allows, and stays failed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }),
        fc.constantFrom(...ALL_DIGESTS),
        (chunks, digests) => {
          const { decoder, owner } = decoderFor(digests);
          let fedBytes = 0;
          for (const chunk of chunks) {
            fedBytes += chunk.length;
            const consumed = decoder.decode(Buffer.from(chunk));
            assert.ok(consumed <= chunk.length);
            if (decoder.failure !== '') assert.equal(decoder.decode(Buffer.from(chunk)), 0);
          }
          // Each data segment costs a header first.
          assert.ok(owner.placedBytes <= MAX_DATA_BYTES * Math.ceil(fedBytes / 48 + 1));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('refuses a data segment that is too long before taking memory for it', () => {
    const { decoder, owner } = decoderFor({ header: false, data: false });
    decoder.decode(frame(writeNopOut, NOP, Buffer.alloc(MAX_DATA_BYTES + 1)));
    assert.match(decoder.failure, /data segment of 1025 bytes/);
    assert.equal(owner.placedBytes, 0);
    assert.equal(owner.pdus.length, 0);
  });

  it('fails for good on a wrong header digest', () => {
    const { decoder, owner } = decoderFor({ header: true, data: false });
    const pdu = frame(writeNopOut, NOP, Buffer.alloc(0), { header: true, data: false });
    pdu.writeUInt8(pdu.readUInt8(48) ^ 1, 48);
    decoder.decode(pdu);
    assert.equal(decoder.failure, 'header digest error');
    assert.equal(owner.pdus.length, 0);
  });

  it('drops a PDU with a wrong data digest and decodes what follows', () => {
    const digests = { header: true, data: true };
    const { decoder, owner } = decoderFor(digests);
    const bad = frame(writeNopOut, NOP, Buffer.from('hello'), digests);
    bad.writeUInt8(bad.readUInt8(52) ^ 1, 52);
    decoder.decode(Buffer.concat([bad, frame(writeNopOut, NOP, Buffer.from('world'), digests)]));
    assert.equal(owner.digestErrors, 1);
    assert.deepEqual(
      owner.pdus.map(({ data }) => data),
      [Buffer.from('world').toString('hex')],
    );
  });

  it('stops when the owner wants no more, and goes on with the rest', () => {
    const { decoder, owner } = decoderFor({ header: false, data: false });
    owner.onPdu = function (this: Collector, header, data, dataBytes) {
      this.pdus.push({ header: header.toString('hex'), data: data.toString('hex', 0, dataBytes) });
      return false;
    };
    const two = Buffer.concat([
      frame(writeNopOut, NOP, Buffer.alloc(0)),
      frame(writeNopOut, NOP, Buffer.alloc(0)),
    ]);
    assert.equal(decoder.decode(two), 48);
    assert.equal(decoder.decode(two.subarray(48)), 48);
    assert.equal(owner.pdus.length, 2);
  });

  it('matches the bytes of RFC 7143', () => {
    const fields = {
      final: true,
      initiatorTaskTag: 0x01020304,
      targetTransferTag: 0x05060708,
      expStatSn: 9,
      dataSn: 10,
      bufferOffset: 11,
    };
    assert.equal(
      frame(writeDataOut, fields, Buffer.from('abc')).toString('hex'),
      '0580000000000003' +
        '0000000000000000' +
        '0102030405060708' +
        '00000000' +
        '00000009' +
        '00000000' +
        '0000000a' +
        '0000000b' +
        '00000000' +
        '61626300',
    );
  });
});
