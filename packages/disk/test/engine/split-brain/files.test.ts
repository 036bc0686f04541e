/** Changed blocks and the files behind them, from what the tools really print. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProcessExit, Processes, SpawnOptions } from '@eterne/runtime';
import { DETECT_BYTES, detect } from '../../../src/engine/split-brain/files/detect.ts';
import { findInExt } from '../../../src/engine/split-brain/files/ext.ts';
import { findInNtfs } from '../../../src/engine/split-brain/files/ntfs.ts';
import { unitsOf, type FoundFiles } from '../../../src/engine/split-brain/files/tool.ts';
import { findInXfs } from '../../../src/engine/split-brain/files/xfs.ts';

const KIB = 1024;

/** Answers each call with the next text, or error. */
function toolsSaying(...answers: readonly (string | Partial<ProcessExit>)[]): {
  processes: Processes;
  calls: SpawnOptions[];
} {
  const calls: SpawnOptions[] = [];
  const spawn: Processes['spawn'] = (options, onExit) => {
    const answer = answers[calls.length] ?? '';
    calls.push(options);
    const exit = { code: 0, signal: null, timedOut: false, stdout: '', stderr: '' };
    onExit(typeof answer === 'string' ? { ...exit, stdout: answer } : { ...exit, ...answer });
    return { pid: 1, startTime: '1', kill: () => {} };
  };
  const nothing = (): never => assert.fail('not for this');
  return {
    calls,
    processes: {
      spawn,
      alive: nothing,
      startTime: nothing,
      killGroup: nothing,
      waitedForProcessorMs: nothing,
    },
  };
}

function found(look: (done: (found: FoundFiles) => void) => void): FoundFiles {
  let result: FoundFiles | undefined;
  look((answer) => (result = answer));
  assert.ok(result);
  return result;
}

describe('files behind changed blocks', () => {
  it('of ext4, by debugfs', () => {
    const { processes, calls } = toolsSaying(
      'debugfs: icheck 25 26 40\nBlock\tInode number\n25\t12\n26\t12\n40\t<block not found>\n',
      'debugfs: ncheck 12\nInode\tPathname\n12\t//dir/big.bin\n',
    );
    const extents = [
      { offset: 100 * KIB, lengthBytes: 8 * KIB },
      { offset: 160 * KIB, lengthBytes: 4 * KIB },
    ];
    const result = found((done) => findInExt(processes, '/d', 4 * KIB, extents, done));
    assert.deepEqual(result, {
      files: [{ path: '/dir/big.bin', changedBytes: 8 * KIB }],
      otherBytes: 4 * KIB,
      note: '',
    });
    assert.deepEqual(
      calls.map(({ command, stdin }) => [command, stdin]),
      [
        [['debugfs', '-f', '-', '/d'], 'icheck 25 26 40\n'],
        [['debugfs', '-f', '-', '/d'], 'ncheck 12\n'],
      ],
    );
  });

  it('of XFS, by xfs_db', () => {
    const { processes, calls } = toolsSaying(
      'block 0 (0/0) type sb\nblock 25 (0/25) type data inode 131 sub/big.bin\n',
    );
    const extents = [
      { offset: 0, lengthBytes: 4 * KIB },
      { offset: 100 * KIB, lengthBytes: 4 * KIB },
    ];
    const result = found((done) => findInXfs(processes, '/d', 4 * KIB, extents, done));
    assert.deepEqual(result.files, [{ path: '/sub/big.bin', changedBytes: 4 * KIB }]);
    assert.equal(result.otherBytes, 4 * KIB);
    assert.equal(calls[0]?.stdin, 'blockget -n\ndaddr 0\nblockuse -n\ndaddr 200\nblockuse -n\n');
  });

  it('of NTFS, by ntfscluster', () => {
    const { processes, calls } = toolsSaying(
      'Searching for cluster range 0-1\nInode 0 /$MFT/$DATA\nInode 64 /big.bin/$DATA\n* 2 inodes found\n',
      'Searching for cluster range 9-9\n* no inode found\n',
    );
    const extents = [
      { offset: 0, lengthBytes: 8 * KIB },
      { offset: 36 * KIB, lengthBytes: 4 * KIB },
    ];
    const result = found((done) => findInNtfs(processes, '/d', 4 * KIB, extents, done));
    assert.deepEqual(result, {
      files: [{ path: '/big.bin', changedBytes: 8 * KIB }],
      otherBytes: 4 * KIB,
      note: '',
    });
    assert.deepEqual(calls[1]?.command, ['ntfscluster', '-f', '-c', '9-9', '/d']);
  });

  it('says why when a tool is absent, slow or fails', () => {
    const extents = [{ offset: 0, lengthBytes: 4 * KIB }];
    const noteOf = (exit: Partial<ProcessExit>): string =>
      found((done) => findInExt(toolsSaying(exit).processes, '/d', 4 * KIB, extents, done)).note;
    assert.match(noteOf({ code: null, startError: new Error('x') as never }), /debugfs is not installed/);
    assert.match(noteOf({ code: null, timedOut: true }), /longer than 60 s/);
    assert.match(noteOf({ code: 1, stderr: 'first\nBad magic number\n' }), /failed: Bad magic number/);
  });

  it('counts a block once, and no more than the limit', () => {
    const extents = [
      { offset: 0, lengthBytes: 4 * KIB },
      { offset: 4 * KIB, lengthBytes: 4 * KIB },
      { offset: 64 * KIB, lengthBytes: 128 * KIB },
    ];
    assert.deepEqual(unitsOf(extents, 64 * KIB, 9), { units: [0, 1, 2], isAll: true });
    assert.deepEqual(unitsOf(extents, 4 * KIB, 3), { units: [0, 1, 16], isAll: false });
  });

  it('knows file systems by their first bytes', () => {
    const head = (fill: (bytes: Buffer) => void): Buffer => {
      const bytes = Buffer.alloc(DETECT_BYTES);
      fill(bytes);
      return bytes;
    };
    const ext = head((bytes) => {
      bytes.writeUInt16LE(0xef53, 1080);
      bytes.writeUInt32LE(2, 1048);
    });
    const xfs = head((bytes) => {
      bytes.write('XFSB');
      bytes.writeUInt32BE(4096, 4);
    });
    const ntfs = head((bytes) => {
      bytes.write('NTFS    ', 3);
      bytes.writeUInt16LE(512, 11);
      bytes[13] = 8;
    });
    assert.deepEqual(
      [ext, xfs, ntfs].map((bytes) => detect(bytes)),
      (['ext', 'xfs', 'ntfs'] as const).map((kind) => ({ kind, blockBytes: 4096 })),
    );
    for (const bytes of [Buffer.alloc(0), head(() => {}), head((b) => b.write('XFSB'))])
      assert.equal(detect(bytes).kind, 'unknown');
  });
});
