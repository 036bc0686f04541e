/** Nobody waits for long because another's request is large. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RESPONSE, frame } from '@eterne/iscsi';
import { writeNopOut } from '@eterne/iscsi/pdu/nop-out.ts';
import { writeScsiCommand } from '@eterne/iscsi/pdu/scsi-command.ts';
import { identityFrom } from '@eterne/target/scsi/identity.ts';
import { NORMAL, TestInitiator } from '../support/initiator.ts';
import { TARGET, serve } from '../support/served.ts';

const NOTHING = Buffer.alloc(0);
const MIB = 1 << 20;

async function loggedIn(address: string): Promise<TestInitiator> {
  const initiator = new TestInitiator(address);
  await initiator.login(NORMAL(TARGET));
  initiator.command('000000000000');
  await initiator.receive(); // the unit attention of a new session
  return initiator;
}

/** One that follows TEST UNIT READY, by `after` places. */
function command(after: number, cdb: string, data: Buffer, readBytes: number): Buffer {
  const bytes = Buffer.alloc(16);
  Buffer.from(cdb.replaceAll(' ', ''), 'hex').copy(bytes);
  const fields = {
    immediate: false,
    final: true,
    read: readBytes > 0,
    write: data.length > 0,
    lun: Buffer.from('0001000000000000', 'hex'),
    initiatorTaskTag: 100 + after,
    expectedBytes: Math.max(readBytes, data.length),
    cmdSn: 2 + after,
    expStatSn: 0,
    cdb: bytes,
  };
  return frame(writeScsiCommand, fields, data);
}

/** The parameter list of EXTENDED COPY (LID1): eight times the first half of the LUN to its second half. */
function copyList(): Buffer {
  const segments = 8;
  const list = Buffer.alloc(16 + 32 + segments * 28);
  list.writeUInt16BE(32, 2);
  list.writeUInt32BE(segments * 28, 8);
  Buffer.from('e400000001030008', 'hex').copy(list, 16);
  identityFrom('test').naa.copy(list, 24);
  for (let index = 0; index < segments; index += 1) {
    const at = 48 + index * 28;
    list.writeUInt8(2, at);
    list.writeUInt16BE(24, at + 2);
    list.writeUInt16BE(1024, at + 10);
    list.writeUInt32BE(1024, at + 24);
  }
  return list;
}

it('answers pings while a long copy is under way', async () => {
  const served = await serve();
  const initiator = await loggedIn(served.address);
  served.memory.fill(5, 0, MIB / 2);
  const list = copyList();
  const copy = command(0, `83 00 0000000000000000 ${list.length.toString(16).padStart(8, '0')}`, list, 0);
  const ping = {
    immediate: true,
    initiatorTaskTag: 7,
    targetTransferTag: 0xffffffff,
    cmdSn: 3,
    expStatSn: 0,
  };
  initiator.send(Buffer.concat([copy, frame(writeNopOut, ping, NOTHING)]));
  assert.equal((await initiator.receive())?.opcode, RESPONSE.nopIn);
  const copied = await initiator.receive();
  assert.deepEqual([copied?.opcode, copied?.header.readUInt8(3)], [RESPONSE.scsi, 0]);
  assert.equal(served.memory[MIB - 1], 5);
  initiator.close();
  await served.close();
});

it('answers everything in order, also when its answers are more than it gathers', async () => {
  const served = await serve();
  const initiator = await loggedIn(served.address);
  const count = 24;
  const reads = Array.from({ length: count }, (_, index) =>
    command(index, '28 00 00000000 00 0800 00', NOTHING, MIB),
  );
  initiator.send(Buffer.concat(reads));
  const ended: number[] = [];
  while (ended.length < count) {
    const answer = (await initiator.receive()) ?? assert.fail('cut');
    assert.equal(answer.opcode, RESPONSE.dataIn);
    if ((answer.header.readUInt8(1) & 1) !== 0) ended.push(answer.header.readUInt32BE(16) - 100);
  }
  assert.deepEqual(ended, [...reads.keys()]);
  initiator.close();
  await served.close();
});
