/** EXTENDED COPY with segments in blocks and in bytes, and what is said of it beforehand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SENSE, type Sense } from '@eterne/iscsi';
import { NORMAL, TestInitiator } from '../support/initiator.ts';
import { SIZE_BYTES, TARGET, serve, type Served } from '../support/served.ts';

const BLOCK_BYTES = 512;
const hex = (value: number, bytes: number): string => value.toString(16).padStart(bytes * 2, '0');

async function withUnit(body: (initiator: TestInitiator, served: Served) => Promise<void>): Promise<void> {
  const served = await serve();
  const initiator = new TestInitiator(served.address);
  try {
    await initiator.login(NORMAL(TARGET));
    initiator.command('000000000000');
    await initiator.receive(); // the unit attention of a new session
    await body(initiator, served);
  } finally {
    initiator.close();
    await served.close();
  }
}

async function page(initiator: TestInitiator, code: number): Promise<Buffer> {
  initiator.command(`1201 ${hex(code, 1)} 00ff 00`, { readBytes: 255 });
  return (await initiator.receive())?.data ?? assert.fail();
}

interface Segment {
  readonly blocks?: number;
  readonly bytes?: number;
  readonly to: number;
  readonly toBytes?: number;
}

/** From block 0 of the unit to another place of it. */
function segment({ blocks, bytes, to, toBytes = 0 }: Segment): Buffer {
  const text =
    bytes === undefined
      ? `02000018 0000 0000 0000 ${hex(blocks ?? 0, 2)} ${hex(0, 8)} ${hex(to, 8)}`
      : `0a00001c 0000 0000 ${hex(bytes, 4)} ${hex(0, 8)} ${hex(to, 8)} 0000 ${hex(toBytes, 2)}`;
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** Undefined: GOOD. */
async function copy(
  initiator: TestInitiator,
  segments: readonly Buffer[],
): Promise<Pick<Sense, 'key' | 'code'> | undefined> {
  const naa = (await page(initiator, 0x83)).subarray(8, 16);
  const target = Buffer.alloc(32);
  target.set([0xe4, 0, 0, 0, 1, 3, 0, naa.length], 0);
  naa.copy(target, 8);
  const list = Buffer.concat(segments);
  const header = Buffer.alloc(16);
  header.writeUInt16BE(target.length, 2);
  header.writeUInt32BE(list.length, 8);
  const data = Buffer.concat([header, target, list]);
  initiator.command(`8300 0000000000000000 ${hex(data.length, 4)} 0000`, { data });
  const answer = await initiator.receive();
  if (answer?.header.readUInt8(3) === 0) return undefined;
  return { key: answer?.data.readUInt8(4) ?? -1, code: answer?.data.readUInt16BE(14) ?? -1 };
}

describe('EXTENDED COPY', () => {
  it('copies segments in blocks and in bytes, in their order', () =>
    withUnit(async (initiator, { memory }) => {
      memory.fill(7, 0, 4 * BLOCK_BYTES);
      const segments = [
        segment({ blocks: 4, to: 100 }),
        segment({ bytes: 2 * BLOCK_BYTES, to: 200, toBytes: BLOCK_BYTES }),
      ];
      assert.equal(await copy(initiator, segments), undefined);
      const copied = (lba: number): boolean => memory[lba * BLOCK_BYTES] === 7;
      assert.deepEqual([99, 100, 103, 104].map(copied), [false, true, true, false]);
      assert.deepEqual([200, 201, 202, 203].map(copied), [false, true, true, false]);
    }));

  it('copies nothing when a segment is no number of blocks, too long, out of range or unknown', () =>
    withUnit(async (initiator, { memory }) => {
      memory.fill(7, 0, BLOCK_BYTES);
      const good = segment({ blocks: 1, to: 100 });
      const unknown = segment({ blocks: 1, to: 100 });
      unknown.writeUInt8(0x0c, 0);
      const refusals: readonly (readonly [Buffer, Sense])[] = [
        [segment({ bytes: 100, to: 100 }), SENSE.copySegmentGranularityViolation],
        [segment({ bytes: BLOCK_BYTES, to: 100, toBytes: 1 }), SENSE.copySegmentGranularityViolation],
        [segment({ bytes: 0xffff_fe00, to: 0 }), SENSE.invalidFieldInParameterList],
        [segment({ bytes: BLOCK_BYTES, to: SIZE_BYTES / BLOCK_BYTES }), SENSE.copyTargetNotReachable],
        [unknown, SENSE.unsupportedSegmentDescriptor],
        [good.subarray(0, 20), SENSE.parameterListLength],
      ];
      for (const [bad, sense] of refusals)
        assert.deepEqual(await copy(initiator, [good, bad]), { key: sense.key, code: sense.code });
      assert.equal(memory[100 * BLOCK_BYTES], 0);
    }));

  it('says beforehand what it takes', () =>
    withUnit(async (initiator) => {
      const [header, ...expected] = [
        '008f0060',
        '0001 0008 07 83 01 00 84 02 00 03',
        '0004 001c 00000000 0008 0008 00000200 00000000 000000000000000000000000',
        '0008 0004 03 02 0a e4',
        '000c 0004 0000 0000',
        '8001 0020 00000001 00000001 0ffff000 09 00 000000000000000000000000000000000000',
      ].map((text) => text.replaceAll(' ', ''));
      assert.equal((await page(initiator, 0x8f)).toString('hex'), [header, ...expected].join(''));
      assert.ok((await page(initiator, 0x00)).includes(0x8f));
    }));
});
