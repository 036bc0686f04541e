/** A mirror whose replicas are LUNs of two iSCSI targets (C3): losing one target is invisible; what is left is whole. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startTarget, type TargetProcess } from '../conformance/iscsi/support/target.ts';
import { until } from './support/cluster-node.ts';
import { filesOf, mirrorPair, startSynced } from './support/disk-node.ts';

const run = promisify(execFile);
const IQN = 'iqn.2026-11.io.eterne:array';
const endings: (() => Promise<unknown>)[] = [];

after(async () => {
  for (const end of endings.reverse()) await end();
});

interface Array {
  readonly process: TargetProcess;
  readonly image: string;
}

async function startArray(): Promise<Array> {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-array-'));
  const process = await startTarget(
    folder,
    `  - { iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 16MiB }] }\n`,
  );
  endings.push(async () => {
    await process.stop();
    rmSync(folder, { recursive: true });
  });
  return { process, image: join(folder, 'lun.img') };
}

describe('a mirror on two iSCSI targets', { timeout: 600_000 }, () => {
  it('goes on without an error when one target is killed, and finds everything on the other', async () => {
    const arrays = { a: await startArray(), b: await startArray() };
    const pair = await mirrorPair('16MiB', [], (node, folder) => ({
      ...filesOf(node, folder),
      device: `"iscsi://${arrays[node].process.address}/${IQN}/1?initiator=iqn.2026-11.io.eterne:${node}"`,
    }));
    endings.push(() => pair.remove());
    await startSynced(pair);
    const { a, b } = pair;
    const write = (pattern: number, place: string): Promise<unknown> =>
      run('qemu-io', ['-f', 'raw', '-c', `write -P ${pattern} ${place} 1M`, '-c', 'flush', a.uri]);
    await write(0x11, '0');
    await arrays.a.process.stop('SIGKILL');
    await write(0x22, '4M');
    await run('qemu-io', ['-f', 'raw', '-c', 'read -P 0x11 0 1M', '-c', 'read -P 0x22 4M 1M', a.uri]);
    await until('the lost disk is known', async () => (await a.status()).disk !== 'UpToDate');
    await a.kill();
    await b.must('promote', { force: true });
    await run('qemu-io', ['-f', 'raw', '-c', 'read -P 0x11 0 1M', '-c', 'read -P 0x22 4M 1M', b.uri]);
    assert.equal(await b.stop(), 0);
    const found = execFileSync('od', ['-An', '-tx1', '-j4194304', '-N1', arrays.b.image]).toString().trim();
    assert.equal(found, '22');
  });
});
