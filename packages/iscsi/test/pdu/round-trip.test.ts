/** Every PDU reads what it writes. Layouts themselves are checked against other implementations in test/conformance. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readAsyncMessage, writeAsyncMessage } from '@eterne/iscsi/pdu/async-message.ts';
import { readDataIn, writeDataIn } from '@eterne/iscsi/pdu/data-in.ts';
import { readDataOut, writeDataOut } from '@eterne/iscsi/pdu/data-out.ts';
import { readLoginRequest, writeLoginRequest } from '@eterne/iscsi/pdu/login-request.ts';
import { readLoginResponse, writeLoginResponse } from '@eterne/iscsi/pdu/login-response.ts';
import { readLogoutRequest, writeLogoutRequest } from '@eterne/iscsi/pdu/logout-request.ts';
import { readLogoutResponse, writeLogoutResponse } from '@eterne/iscsi/pdu/logout-response.ts';
import { readNopIn, writeNopIn } from '@eterne/iscsi/pdu/nop-in.ts';
import { readNopOut, writeNopOut } from '@eterne/iscsi/pdu/nop-out.ts';
import { readReadyToTransfer, writeReadyToTransfer } from '@eterne/iscsi/pdu/r2t.ts';
import { readReject, writeReject } from '@eterne/iscsi/pdu/reject.ts';
import { readScsiCommand, writeScsiCommand } from '@eterne/iscsi/pdu/scsi-command.ts';
import { readScsiResponse, writeScsiResponse } from '@eterne/iscsi/pdu/scsi-response.ts';
import {
  readTaskManagementRequest,
  writeTaskManagementRequest,
} from '@eterne/iscsi/pdu/task-management-request.ts';
import {
  readTaskManagementResponse,
  writeTaskManagementResponse,
} from '@eterne/iscsi/pdu/task-management-response.ts';
import { readTextRequest, writeTextRequest } from '@eterne/iscsi/pdu/text-request.ts';
import { readTextResponse, writeTextResponse } from '@eterne/iscsi/pdu/text-response.ts';

const numbers = { statSn: 0xf0000001, expCmdSn: 0xf0000002, maxCmdSn: 0xf0000003 };
const lun = Buffer.from('0001000000000000', 'hex');
const isid = Buffer.from('80123456789a', 'hex');
const tags = { initiatorTaskTag: 0xfffffff1, targetTransferTag: 0xfffffff2 };
const sent = { cmdSn: 0xfffffff3, expStatSn: 0xfffffff4 };
const stages = { transit: true, continues: false, currentStage: 1, nextStage: 3, isid, tsih: 0xfffe };

function roundTrip<Fields>(
  title: string,
  write: (into: Buffer, at: number, fields: Fields) => void,
  read: (from: Buffer) => Fields,
  fields: Fields,
): void {
  it(title, () => {
    const bytes = Buffer.alloc(60);
    write(bytes, 7, fields);
    assert.deepEqual(read(bytes.subarray(7, 55)), fields);
    assert.ok(
      bytes.subarray(0, 7).every((byte) => byte === 0) && bytes.subarray(55).every((byte) => byte === 0),
    );
  });
}

roundTrip('NOP-Out', writeNopOut, readNopOut, { immediate: true, ...tags, ...sent });
roundTrip('NOP-In', writeNopIn, readNopIn, { ...tags, ...numbers });
roundTrip('SCSI Command', writeScsiCommand, readScsiCommand, {
  immediate: false,
  final: true,
  read: false,
  write: true,
  lun,
  initiatorTaskTag: 5,
  expectedBytes: 0xffffffff,
  ...sent,
  cdb: Buffer.from('88180000000000000000000000010000', 'hex'),
});
roundTrip('SCSI Response', writeScsiResponse, readScsiResponse, {
  response: 1,
  status: 2,
  initiatorTaskTag: 5,
  ...numbers,
  expDataSn: 6,
  residual: { kind: 'overflow', bytes: 77 },
});
roundTrip('Data-Out', writeDataOut, readDataOut, {
  final: false,
  ...tags,
  expStatSn: 3,
  dataSn: 4,
  bufferOffset: 0xffff0000,
});
roundTrip('Data-In', writeDataIn, readDataIn, {
  final: true,
  withStatus: true,
  status: 0,
  initiatorTaskTag: 5,
  ...numbers,
  dataSn: 3,
  bufferOffset: 512,
  residual: { kind: 'underflow', bytes: 9 },
});
roundTrip('Ready To Transfer', writeReadyToTransfer, readReadyToTransfer, {
  lun,
  ...tags,
  ...numbers,
  r2tSn: 1,
  bufferOffset: 2,
  desiredBytes: 3,
});
roundTrip('Task Management Request', writeTaskManagementRequest, readTaskManagementRequest, {
  immediate: true,
  function: 5,
  lun,
  initiatorTaskTag: 1,
  referencedTaskTag: 2,
  ...sent,
  refCmdSn: 4,
});
roundTrip('Task Management Response', writeTaskManagementResponse, readTaskManagementResponse, {
  response: 255,
  initiatorTaskTag: 1,
  ...numbers,
});
roundTrip('Login Request', writeLoginRequest, readLoginRequest, {
  ...stages,
  versionMin: 0,
  initiatorTaskTag: 1,
  cid: 2,
  ...sent,
});
roundTrip('Login Response', writeLoginResponse, readLoginResponse, {
  ...stages,
  initiatorTaskTag: 1,
  ...numbers,
  status: 0x0201,
});
roundTrip('Text Request', writeTextRequest, readTextRequest, {
  immediate: false,
  final: true,
  continues: false,
  ...tags,
  ...sent,
});
roundTrip('Text Response', writeTextResponse, readTextResponse, {
  final: false,
  continues: true,
  ...tags,
  ...numbers,
});
roundTrip('Logout Request', writeLogoutRequest, readLogoutRequest, {
  immediate: true,
  reason: 1,
  initiatorTaskTag: 1,
  cid: 2,
  ...sent,
});
roundTrip('Logout Response', writeLogoutResponse, readLogoutResponse, {
  response: 2,
  initiatorTaskTag: 1,
  ...numbers,
});
roundTrip('Reject', writeReject, readReject, { reason: 4, ...numbers });
roundTrip('Asynchronous Message', writeAsyncMessage, readAsyncMessage, {
  event: 1,
  parameters: [1, 2, 3],
  ...numbers,
});
