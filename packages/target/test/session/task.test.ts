/** Data that arrives while the memory for a command is waited for. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { KIB } from '@eterne/base';
import { NO_TAG } from '@eterne/iscsi';
import type { DataOut } from '@eterne/iscsi/pdu/data-out.ts';
import { ONLY_PORT } from '@eterne/target/scsi/ports.ts';
import { Task, type TaskHost } from '@eterne/target/session/task.ts';

const FIRST_BURST_BYTES = 64 * KIB;
const TRANSFER_TAG = 7;

/** `grant`: what the command claimed is there. */
function waitingHost(): { readonly host: TaskHost; readonly grant: () => void } {
  let granted = (): void => assert.fail('nothing is claimed');
  const host: TaskHost = {
    initiatorName: 'iqn.test',
    initiatorPort: 'iqn.test,i,0x800000000001',
    targetPort: ONLY_PORT,
    abortTasks: () => assert.fail('nobody aborts'),
    firstBurstBytes: FIRST_BURST_BYTES,
    maxBurstBytes: 256 * KIB,
    claimBytes: (_bytes, go) => (granted = go),
    releaseBytes: () => {},
    solicit: () => TRANSFER_TAG,
    answer: () => {},
    ended: () => {},
  };
  return { host, grant: () => granted() };
}

const writeOf = (expectedBytes: number): ConstructorParameters<typeof Task>[1] => ({
  immediate: false,
  final: false,
  read: false,
  write: true,
  lun: Buffer.alloc(8),
  initiatorTaskTag: 1,
  expectedBytes,
  cmdSn: 1,
  expStatSn: 0,
  cdb: Buffer.alloc(16),
});

const dataOut = (targetTransferTag: number, bufferOffset: number): DataOut => ({
  final: true,
  initiatorTaskTag: 1,
  targetTransferTag,
  expStatSn: 0,
  dataSn: 0,
  bufferOffset,
});

it('keeps a Data-Out of which a part had come when the memory for all of the command was granted', () => {
  const { host, grant } = waitingHost();
  const task = new Task(host, writeOf(2 * FIRST_BURST_BYTES), undefined, Buffer.alloc(0));
  let received: Buffer | undefined;
  task.receive(2 * FIRST_BURST_BYTES, (data) => (received = data));
  const unsolicited = task.placeFor(dataOut(NO_TAG, 0), FIRST_BURST_BYTES) ?? assert.fail();
  unsolicited.fill(1, 0, FIRST_BURST_BYTES / 2);
  grant();
  unsolicited.fill(1, FIRST_BURST_BYTES / 2);
  task.dataOut(dataOut(NO_TAG, 0), FIRST_BURST_BYTES);
  const asked = dataOut(TRANSFER_TAG, FIRST_BURST_BYTES);
  (task.placeFor(asked, FIRST_BURST_BYTES) ?? assert.fail()).fill(2);
  task.dataOut(asked, FIRST_BURST_BYTES);
  const expected = Buffer.concat([Buffer.alloc(FIRST_BURST_BYTES, 1), Buffer.alloc(FIRST_BURST_BYTES, 2)]);
  assert.ok(received?.equals(expected));
});
