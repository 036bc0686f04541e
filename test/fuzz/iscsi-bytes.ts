/** What an iSCSI initiator may say, honest but for small lies: a login, then requests of every kind, as one string of bytes. */
import { STAGE, encodeText, frame, writeLun } from '@eterne/iscsi';
import { writeDataOut } from '@eterne/iscsi/pdu/data-out.ts';
import { writeLoginRequest } from '@eterne/iscsi/pdu/login-request.ts';
import { writeLogoutRequest } from '@eterne/iscsi/pdu/logout-request.ts';
import { writeNopOut } from '@eterne/iscsi/pdu/nop-out.ts';
import { writeScsiCommand } from '@eterne/iscsi/pdu/scsi-command.ts';
import { writeTaskManagementRequest } from '@eterne/iscsi/pdu/task-management-request.ts';
import { writeTextRequest } from '@eterne/iscsi/pdu/text-request.ts';
import { noise, type Random } from './mutate.ts';

const EXTREME_NUMBERS = ['0', '1', '511', '512', '16777215', '16777216', '-1', '0x1000', 'x', ''];
const KEYS = [
  'HeaderDigest',
  'DataDigest',
  'MaxConnections',
  'InitialR2T',
  'ImmediateData',
  'MaxRecvDataSegmentLength',
  'MaxBurstLength',
  'FirstBurstLength',
  'MaxOutstandingR2T',
  'DefaultTime2Retain',
  'ErrorRecoveryLevel',
  'AuthMethod',
  'CHAP_A',
  'CHAP_R',
  'X-odd',
];
const VALUES = [
  'None',
  'CRC32C',
  'Yes',
  'No',
  'CHAP,None',
  '5,7',
  `0x${'f'.repeat(100)}`,
  ...EXTREME_NUMBERS,
];
/** Undefined: any. */
const OPCODES = [
  0x00,
  0x03,
  0x12,
  0x16,
  0x17,
  0x1a,
  0x1b,
  0x25,
  0x28,
  0x2a,
  0x2e,
  0x2f,
  0x35,
  0x41,
  0x42,
  0x48,
  0x4d,
  0x55,
  0x5e,
  0x5f,
  0x83,
  0x84,
  0x88,
  0x89,
  0x8a,
  0x8b,
  0x8f,
  0x93,
  0x9c,
  0x9e,
  0xa0,
  0xa3,
  undefined,
];

const pick = <Item>(random: Random, items: readonly Item[]): Item => items[random(items.length)] as Item;

function login(random: Random, target: string): Buffer {
  const isDiscovery = random(6) === 0;
  const who: (readonly [string, string])[] = [
    ['InitiatorName', `iqn.2026-11.io.eterne:fuzz${random(20)}`],
    ['SessionType', isDiscovery ? 'Discovery' : 'Normal'],
    ...(isDiscovery ? [] : [['TargetName', random(10) === 0 ? `${target}x` : target] as const]),
  ];
  const offers = Array.from(
    { length: random(3) === 0 ? random(8) : 0 },
    () => [pick(random, KEYS), pick(random, VALUES)] as const,
  );
  const isHonest = random(5) > 0;
  const fields = {
    transit: isHonest || random(2) === 0,
    continues: !isHonest && random(4) === 0,
    currentStage: isHonest ? STAGE.operational : random(4),
    nextStage: isHonest ? STAGE.fullFeature : random(4),
    versionMin: random(30) === 0 ? 1 : 0,
    isid: noise(random, 6),
    tsih: random(20) === 0 ? random(0x1_0000) : 0,
    initiatorTaskTag: random(4),
    cid: random(3),
    cmdSn: 1,
    expStatSn: 0,
  };
  return frame(writeLoginRequest, fields, encodeText([...who, ...offers]));
}

function lunBytes(random: Random): Buffer {
  if (random(10) === 0) return noise(random, 8);
  const lun = Buffer.alloc(8);
  writeLun(lun, 0, random(4) === 0 ? random(3) : 1);
  return lun;
}

function command(random: Random, cmdSn: number): Buffer {
  const cdb = random(2) === 0 ? noise(random, 16) : Buffer.alloc(16);
  cdb.writeUInt8(pick(random, OPCODES) ?? random(256), 0);
  if (random(2) === 0) cdb.writeUInt8(random(64), 4);
  if (random(2) === 0) cdb.writeUInt16BE(random(512), 7);
  const isWrite = random(3) === 0;
  const data = isWrite ? noise(random, random(600)) : Buffer.alloc(0);
  const fields = {
    immediate: random(20) === 0,
    final: random(5) > 0,
    read: !isWrite,
    write: isWrite,
    lun: lunBytes(random),
    initiatorTaskTag: random(64),
    expectedBytes: random(3) === 0 ? random(0xffff_ffff) : data.length + random(4096),
    cmdSn,
    expStatSn: 1,
    cdb,
  };
  return frame(writeScsiCommand, fields, data);
}

function request(random: Random, cmdSn: number): Buffer {
  const common = { immediate: random(2) === 0, initiatorTaskTag: random(64), cmdSn, expStatSn: 1 };
  switch (random(8)) {
    case 0:
      return frame(
        writeNopOut,
        { ...common, targetTransferTag: random(2) === 0 ? 0xffff_ffff : random(9) },
        noise(random, random(300)),
      );
    case 1:
      return frame(
        writeTaskManagementRequest,
        {
          ...common,
          function: random(10),
          lun: lunBytes(random),
          referencedTaskTag: random(64),
          refCmdSn: Math.max(0, cmdSn + random(4) - 2),
        },
        Buffer.alloc(0),
      );
    case 2:
      return frame(
        writeTextRequest,
        {
          ...common,
          final: random(2) === 0,
          continues: random(3) === 0,
          targetTransferTag: random(2) === 0 ? 0xffff_ffff : random(3),
        },
        random(3) === 0
          ? noise(random, random(200))
          : encodeText([['SendTargets', pick(random, ['All', '', 'x'])]]),
      );
    case 3:
      return frame(
        writeDataOut,
        {
          final: random(2) === 0,
          initiatorTaskTag: random(64),
          targetTransferTag: random(2) === 0 ? 0xffff_ffff : random(20),
          expStatSn: 1,
          dataSn: random(4),
          bufferOffset: random(3) === 0 ? random(0xffff_ffff) : random(8) * 512,
        },
        noise(random, random(600)),
      );
    case 4:
      return random(8) > 0
        ? command(random, cmdSn)
        : frame(writeLogoutRequest, { ...common, reason: random(4), cid: random(3) }, Buffer.alloc(0));
    default:
      return command(random, cmdSn);
  }
}

/** Every PDU is itself whole; `mutate` breaks some of them. */
export function iscsiConversation(random: Random, target: string): Buffer {
  const parts = [login(random, target)];
  if (random(4) === 0) parts.push(login(random, target));
  for (let left = random(40), cmdSn = 1; left > 0; left -= 1) {
    parts.push(request(random, cmdSn));
    cmdSn += random(8) === 0 ? random(3) : 1;
  }
  return Buffer.concat(parts);
}
