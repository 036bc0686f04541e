/** The NBD server against clients we did not write: libnbd's nbdinfo and nbdcopy, QEMU's qemu-img and qemu-io, fio. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { EterneError } from '@eterne/base';
import { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import { NbdServer } from '@eterne/disk/nbd/server.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { plainDevice } from '../../../packages/disk/test/support/plain-device.ts';

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;
const folder = mkdtempSync(join(tmpdir(), 'eterne-nbd-tools-'));
const store = join(folder, 'store.img');
const uri = `nbd+unix:///v0?socket=${join(folder, 'nbd.sock')}`;
const world = { ...createNodeWorld('test'), log: () => {} };
let server: NbdServer | undefined;
let closeStore: (() => Promise<void>) | undefined;

const run = promisify(execFile);

function has(tool: string): boolean {
  try {
    execFileSync('which', [tool], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Skipped by name when its tool is not installed. */
function withTool(tool: string, title: string, body: () => Promise<void>): void {
  it(`${tool}: ${title}`, { skip: has(tool) ? false : `${tool} is not installed` }, body);
}

before(async () => {
  await new Promise<void>((resolve, reject) => {
    world.stores.open(store, { createSizeBytes: SIZE }, (opened) => {
      if (opened instanceof EterneError) return reject(opened);
      closeStore = () => new Promise((closed) => opened.close(closed));
      NbdServer.listen(world, `unix:${join(folder, 'nbd.sock')}`, 'v0', (listening) => {
        if (listening instanceof EterneError) return reject(listening);
        server = listening;
        server.serve(new ByteDevice(plainDevice('v0', opened)));
        resolve();
      });
    });
  });
});

after(async () => {
  server?.close();
  await closeStore?.();
  rmSync(folder, { recursive: true });
});

describe('NBD server and the tools people use', () => {
  withTool('nbdinfo', 'sees size, flags and block sizes', async () => {
    const { stdout } = await run('nbdinfo', ['--json', uri]);
    const [found] = (JSON.parse(stdout) as { exports: Record<string, unknown>[] }).exports;
    assert.ok(found !== undefined);
    const expected: Record<string, unknown> = {
      'export-size': SIZE,
      is_read_only: false,
      can_cache: true,
      can_df: true,
      can_flush: true,
      can_fua: true,
      can_multi_conn: true,
      can_trim: true,
      can_zero: true,
      block_size_minimum: 1,
      block_size_preferred: 4096,
      block_size_maximum: 64 * MIB,
      contexts: ['base:allocation'],
    };
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(found[key], value, key);
  });

  withTool('nbdinfo', 'lists the export and maps holes and data', async () => {
    const list = await run('nbdinfo', ['--list', '--json', uri.replace('/v0', '/')]);
    assert.match(list.stdout, /"export-name": "v0"/);
    await run('qemu-io', ['-f', 'raw', '-c', 'write -P 1 8M 4M', uri]);
    const map = await run('nbdinfo', ['--map', '--json', uri]);
    assert.deepEqual(JSON.parse(map.stdout), [
      { offset: 0, length: 8 * MIB, type: 3, description: 'hole,zero' },
      { offset: 8 * MIB, length: 4 * MIB, type: 0, description: 'data' },
      { offset: 12 * MIB, length: SIZE - 12 * MIB, type: 3, description: 'hole,zero' },
    ]);
  });

  withTool('nbdcopy', 'copies an image in and out unchanged, over several connections', async () => {
    const image = join(folder, 'in.img');
    const back = join(folder, 'out.img');
    writeFileSync(image, Buffer.concat([randomBytes(SIZE / 2), Buffer.alloc(SIZE / 2)]));
    await run('nbdcopy', ['--connections=4', '--flush', image, uri]);
    await run('nbdcopy', ['--connections=4', uri, back]);
    assert.ok(readFileSync(image).equals(readFileSync(back)));
    assert.ok(readFileSync(image).equals(readFileSync(store)));
  });

  withTool('qemu-img', 'compares equal with the store', async () => {
    await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', store, uri, '-U']);
  });

  withTool('qemu-io', 'writes, zeroes and discards at odd offsets and sizes', async () => {
    const commands = [
      'write -P 0x5a 3 1000',
      'read -P 0x5a 3 1000',
      'write -P 0x11 1M 1M',
      'write -z 1048577 1000',
      'read -P 0x11 1048576 1',
      'read -P 0 1048577 1000',
      'read -P 0x11 1049577 100',
      'write -f -P 7 8k 4k',
      'discard 4M 4M',
      'flush',
    ];
    const { stdout } = await run('qemu-io', [
      '-f',
      'raw',
      ...commands.flatMap((command) => ['-c', command]),
      uri,
    ]);
    assert.doesNotMatch(stdout, /fail|error/i);
  });

  withTool('fio', 'verifies every block it wrote', async () => {
    const size = ['--size=16m', '--bs=4k', '--iodepth=32', '--rw=randwrite'];
    const verify = ['--verify=crc32c', '--verify_fatal=1', '--verify_state_save=0', '--output-format=json'];
    const { stdout } = await run('fio', ['--name=x', '--ioengine=nbd', `--uri=${uri}`, ...size, ...verify], {
      cwd: folder,
    });
    const [job] = (JSON.parse(stdout.slice(stdout.indexOf('{'))) as { jobs: { error: number }[] }).jobs;
    assert.equal(job?.error, 0);
  });
});
