import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerStatus } from '@eterne/disk/engine/api.ts';
import { ProgressLine, progressOf, progressText } from '../../src/disk/progress.ts';

const MIB = 1024 * 1024;
const peer = {
  node: 'b',
  replication: 'Established',
  resync: {
    kind: 'bitmap',
    reason: '',
    syncedBytes: 27 * MIB,
    toSyncBytes: 100 * MIB,
    wireBytes: 0,
    etaMs: 2100,
  },
  verify: null,
} as unknown as PeerStatus;

describe('progress', () => {
  it('is of the copy or the verify that is under way', () => {
    assert.equal(progressOf(peer), undefined);
    const copy = progressOf({ ...peer, replication: 'SyncSource' });
    assert.ok(copy !== undefined);
    assert.equal(
      progressText(copy),
      'bitmap resync [#####---------------] 27 %, 27 MiB of 100 MiB, 3 s left',
    );
    const verify = { checkedBytes: MIB, totalBytes: MIB, differingBytes: 0, etaMs: null };
    const checking = progressOf({ ...peer, verify } as PeerStatus);
    assert.ok(checking !== undefined);
    assert.equal(progressText(checking), 'verify [####################] 100 %, 1 MiB of 1 MiB');
  });

  it('knows nothing to do as done', () => {
    assert.match(progressText({ what: 'x', doneBytes: 0, totalBytes: 0, etaMs: null }), /100 %/);
  });

  it('stays on one line of a terminal, and off anything else', () => {
    const written: string[] = [];
    const terminal = (isTTY: boolean) => ({
      isTTY,
      columns: 40,
      write: (text: string) => written.push(text) > 0,
    });
    new ProgressLine(terminal(false)).show([{ ...peer, replication: 'SyncSource' }]);
    assert.deepEqual(written, []);
    const line = new ProgressLine(terminal(true));
    line.show([{ ...peer, replication: 'SyncTarget' }]);
    line.clear();
    assert.deepEqual(written, ['\r\u001B[Kb: bitmap resync [#####---------------]', '\r\u001B[K']);
  });
});
