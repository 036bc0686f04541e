/** `eterne target run` as a process: a LUN that hangs, reservations through kill -9, a file system through `iscsi://`. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { LOGIN_STATUS, encodeText, frame } from '@eterne/iscsi';
import { writeLoginRequest } from '@eterne/iscsi/pdu/login-request.ts';
import { readLoginResponse } from '@eterne/iscsi/pdu/login-response.ts';
import { FIRST_LOGIN, NORMAL, TestInitiator } from '../../../packages/target/test/support/initiator.ts';
import { until } from '../../e2e/support/cluster-node.ts';
import { hasNbdkit, NbdkitDisk } from '../../e2e/support/nbdkit-disk.ts';
import { startTarget } from './support/target.ts';

const IQN = 'iqn.2026-11.io.eterne:p';
const run = promisify(execFile);
const BLOCK_BYTES = 4096;
/** More than a store may have under way. */
const AT_ONCE = 40;

type End = () => unknown;
const endsOf = new WeakMap<TestContext, End[]>();

/** When the test is over, before what was asked for earlier. */
function finallyDo(context: TestContext, end: End): void {
  const ends = endsOf.get(context) ?? [];
  ends.push(end);
  if (ends.length > 1) return;
  endsOf.set(context, ends);
  context.after(async () => {
    for (const each of ends.toReversed()) await each();
  });
}

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-iscsi-process-'));
  finallyDo(context, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function loggedIn(address: string, iqn = IQN): Promise<TestInitiator> {
  const initiator = new TestInitiator(address);
  assert.equal((await initiator.login(NORMAL(iqn)))?.response.status, LOGIN_STATUS.success);
  initiator.command('000000000000');
  await initiator.receive(); // the unit attention of a new session
  return initiator;
}

const statusOf = async (initiator: TestInitiator): Promise<number> =>
  (await initiator.receive())?.header.readUInt8(3) ?? -1;

/** PERSISTENT RESERVE OUT with APTPL. */
async function reserveOut(
  initiator: TestInitiator,
  action: '00' | '01',
  own: bigint,
  key: bigint,
): Promise<number> {
  const list = Buffer.alloc(24);
  list.writeBigUInt64BE(own, 0);
  list.writeBigUInt64BE(key, 8);
  list.writeUInt8(1, 20);
  initiator.command(`5f${action} 01 0000 00000018 00`.replaceAll(' ', ''), { data: list });
  return statusOf(initiator);
}

async function reserveIn(initiator: TestInitiator, action: '00' | '01'): Promise<string> {
  initiator.command(`5e${action} 0000000000 00ff 00`.replaceAll(' ', ''), { readBytes: 255 });
  return (await initiator.receive())?.data.toString('hex', 8) ?? '';
}

/**
 * 512 bytes at 5 MiB: the page that they lie in must be read from the device before they are written. One at the disk's beginning may be in
 * the page cache already: whoever lists this machine's disks looks for file systems there.
 */
const LBA = (((5 << 20) + 512) / 512).toString(16).padStart(8, '0');
const WRITE_PART_OF_A_PAGE = `2a00${LBA}00000100`;
const READ_PART_OF_A_PAGE = `2800${LBA}00000100`;

function writeBlock(initiator: TestInitiator, index: number, lun = 1): void {
  const lba = ((index * BLOCK_BYTES) / 512).toString(16).padStart(8, '0');
  initiator.command(`2a00${lba}00000800`, { data: Buffer.alloc(BLOCK_BYTES, 7), lun });
}

async function served(initiator: TestInitiator, lun: number, index: number): Promise<void> {
  writeBlock(initiator, index, lun);
  assert.equal(await statusOf(initiator), 0);
  initiator.command('35000000000000000000', { lun }); // SYNCHRONIZE CACHE: a thread of the pool
  assert.equal(await statusOf(initiator), 0);
}

/** Undefined: no answer in a while. */
async function loginStatus(address: string): Promise<number | undefined> {
  const initiator = new TestInitiator(address);
  const giveUp = setTimeout(() => initiator.close(), 500);
  const answer = await initiator.login(NORMAL(IQN), undefined, '800000000002');
  clearTimeout(giveUp);
  initiator.close();
  return answer?.response.status;
}

/** A file of 8 MiB on a file system that stops answering while `disk` is stopped. */
async function hangingFile(
  context: TestContext,
  folder: string,
): Promise<{ path: string; disk: NbdkitDisk }> {
  const mount = join(folder, 'mount');
  mkdirSync(mount);
  const disk = await NbdkitDisk.start(join(folder, 'disk.sock'), ['memory', '8M']);
  const path = join(mount, 'disk');
  const fuse = spawn('nbdfuse', [path, disk.uri], { stdio: ['ignore', 'ignore', 'inherit'] });
  finallyDo(context, async () => {
    spawnSync('umount', ['--lazy', mount]);
    fuse.kill('SIGKILL');
    await disk.stop();
  });
  await until('the file is there', () => {
    assert.equal(fuse.exitCode, null, 'nbdfuse ended');
    return existsSync(path);
  });
  return { path, disk };
}

/** The same as a block device of this machine. */
async function hangingDevice(
  context: TestContext,
  folder: string,
): Promise<{ path: string; disk: NbdkitDisk }> {
  const { path: file, disk } = await hangingFile(context, folder);
  const path = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim();
  finallyDo(context, () => spawnSync('losetup', ['--detach', path]));
  finallyDo(context, () => disk.goOn());
  return { path, disk };
}

const hangs = (): string | false => {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/fuse')) return 'needs FUSE';
  if (!hasNbdkit) return 'nbdkit is not installed';
  if (spawnSync('which', ['nbdfuse']).status !== 0) return 'nbdfuse is not installed';
  return spawnSync('losetup', ['--find']).status === 0 ? false : 'needs loop devices';
};

describe('the target as a process', { timeout: 600_000 }, () => {
  it('serves its other LUNs while one hangs', { skip: hangs() }, async (context) => {
    const folder = folderOf(context);
    const { path, disk } = await hangingFile(context, folder);
    const target = await startTarget(
      folder,
      `  - { iqn: '${IQN}', luns: [{ lun: 1, path: ${path} }] }\n` +
        `  - { iqn: '${IQN}2', luns: [{ lun: 1, path: well.img, size: 8MiB }] }\n`,
    );
    finallyDo(context, () => target.stop('SIGKILL'));
    const [hanging, well] = [await loggedIn(target.address), await loggedIn(target.address, `${IQN}2`)];
    await disk.hang();
    for (let index = 0; index < AT_ONCE; index += 1) writeBlock(hanging, index);
    for (let index = 0; index < AT_ONCE; index += 1) await served(well, 1, index);
    disk.goOn();
    for (let index = 0; index < AT_ONCE; index += 1) assert.equal(await statusOf(hanging), 0);
  });

  it(
    'serves other targets while a disk of this machine holds up a system call',
    { skip: hangs() },
    async (context) => {
      const folder = folderOf(context);
      const { path, disk } = await hangingDevice(context, folder);
      const target = await startTarget(
        folder,
        `  - { iqn: '${IQN}', luns: [{ lun: 1, path: ${path} }] }\n` +
          `  - { iqn: '${IQN}2', luns: [{ lun: 1, path: well.img, size: 8MiB }] }\n`,
      );
      finallyDo(context, () => target.stop('SIGKILL'));
      const [hanging, well] = [await loggedIn(target.address), await loggedIn(target.address, `${IQN}2`)];
      await disk.hang();
      hanging.command(WRITE_PART_OF_A_PAGE, { data: Buffer.alloc(512, 7) });
      // Initiators of the one that hangs are told to come again, those of the other are served.
      await until('its initiators are told', async () => {
        await served(well, 1, 0);
        return (await loginStatus(target.address)) === LOGIN_STATUS.serviceUnavailable;
      });
      await loggedIn(target.address, `${IQN}2`);
      disk.goOn();
      await until(
        'it is served again',
        async () => (await loginStatus(target.address)) === LOGIN_STATUS.success,
      );
      const again = await loggedIn(target.address);
      again.command(READ_PART_OF_A_PAGE, { readBytes: 512 });
      assert.ok((await again.receive())?.data.equals(Buffer.alloc(512, 7)));
    },
  );

  it(
    'serves the other LUNs of the same target while a disk of this machine hangs',
    { skip: hangs() },
    async (context) => {
      const folder = folderOf(context);
      const { path, disk } = await hangingDevice(context, folder);
      const target = await startTarget(
        folder,
        `  - { iqn: '${IQN}', luns: [{ lun: 1, path: ${path} }, { lun: 2, path: well.img, size: 8MiB }] }\n`,
      );
      finallyDo(context, () => target.stop('SIGKILL'));
      const initiator = await loggedIn(target.address);
      initiator.command('000000000000', { lun: 2 });
      await initiator.receive();
      await disk.hang();
      const held = initiator.command(WRITE_PART_OF_A_PAGE, { data: Buffer.alloc(512, 7) });
      for (let index = 0; index < AT_ONCE; index += 1) await served(initiator, 2, index);
      disk.goOn();
      const answer = await initiator.receive();
      assert.deepEqual([answer?.header.readUInt32BE(16), answer?.header.readUInt8(3)], [held, 0]);
    },
  );

  it('takes a login whose text comes in pieces', async (context) => {
    const folder = folderOf(context);
    const target = await startTarget(
      folder,
      `  - { iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 1MiB }] }\n`,
    );
    finallyDo(context, () => target.stop('SIGKILL'));
    const initiator = new TestInitiator(target.address);
    const text = encodeText(NORMAL(IQN));
    const pieces = [text.subarray(0, 10), text.subarray(10, 50), text.subarray(50)];
    const answers = [];
    for (const [index, piece] of pieces.entries()) {
      const isLast = index === pieces.length - 1;
      initiator.send(
        frame(writeLoginRequest, { ...FIRST_LOGIN, transit: isLast, continues: !isLast }, piece),
      );
      const { header } = (await initiator.receive()) ?? {};
      answers.push(header && readLoginResponse(header));
    }
    assert.deepEqual(
      answers.map((answer) => [answer?.status, answer?.statSn, answer?.transit]),
      [
        [0, 1, false],
        [0, 2, false],
        [0, 3, true],
      ],
    );
    initiator.command('000000000000');
    await initiator.receive();
    await served(initiator, 1, 0);
  });

  it('holds reservations through kill -9', async (context) => {
    const folder = folderOf(context);
    const targets = `  - { iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 1MiB }] }\n`;
    const first = await startTarget(folder, targets);
    const initiator = await loggedIn(first.address);
    assert.equal(await reserveOut(initiator, '00', 0n, 0xabcn), 0);
    assert.equal(await reserveOut(initiator, '01', 0xabcn, 0n), 0);
    const [keys, holder] = [await reserveIn(initiator, '00'), await reserveIn(initiator, '01')];
    assert.equal(keys, '0000000000000abc');
    assert.match(holder, /^0000000000000abc/);
    await first.stop('SIGKILL');
    const second = await startTarget(folder, targets);
    const again = await loggedIn(second.address);
    assert.deepEqual([await reserveIn(again, '00'), await reserveIn(again, '01')], [keys, holder]);
    await second.stop('SIGKILL');
  });

  it('goes on with a SANITIZE after kill -9, and says how far it is', async (context) => {
    const folder = folderOf(context);
    const targets = (rate: string): string =>
      `  - { iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 8MiB, sanitize: overwrite, sanitizeRate: ${rate} }] }\n`;
    const first = await startTarget(folder, targets('1MiB'));
    const initiator = await loggedIn(first.address);
    initiator.command('2a000000000000001000', { data: Buffer.alloc(8192, 7) });
    assert.equal(await statusOf(initiator), 0);
    // OVERWRITE, IMMED: two passes of A5h and 5Ah, the last of which is not inverted.
    const list = Buffer.from([0x82, 0, 0, 1, 0xa5]);
    initiator.command('48810000000000000500', { data: list });
    assert.equal(await statusOf(initiator), 0);
    await first.stop('SIGKILL');

    const second = await startTarget(folder, targets('2MiB'));
    const again = await loggedIn(second.address);
    const progress = async (): Promise<number | undefined> => {
      again.command('030000001200', { readBytes: 18 });
      const sense = (await again.receive())?.data ?? Buffer.alloc(18);
      if ((sense.readUInt8(2) & 0x0f) === 0) return undefined;
      assert.equal(sense.readUInt16BE(12), 0x041b, 'SANITIZE IN PROGRESS');
      assert.equal(sense.readUInt8(15), 0x80);
      return sense.readUInt16BE(16);
    };
    again.command('28000000000000000100', { readBytes: 512 });
    assert.equal(await statusOf(again), 2);
    const seen: number[] = [];
    for (let at = await progress(); at !== undefined; at = await progress()) {
      if (at !== seen.at(-1)) seen.push(at);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(seen.length > 2 && seen.every((at, index) => index === 0 || at > (seen[index - 1] ?? at)));
    await second.stop();
    assert.ok(readFileSync(join(folder, 'lun.img')).equals(Buffer.alloc(8 << 20, 0xa5)));
    assert.ok(!existsSync(join(folder, 'lun.img.sanitize')));
  });

  const tool = ['qemu-img', 'mkfs.ext4', 'e2fsck'].find((name) => spawnSync('which', [name]).status !== 0);
  const skip = tool === undefined ? false : `${tool} is not installed`;
  it('brings an ext4 image back as it was', { skip }, async (context) => {
    const folder = folderOf(context);
    const files = join(folder, 'files');
    mkdirSync(files);
    for (let n = 0; n < 32; n += 1) writeFileSync(join(files, `${n}`), `${n}\n`.repeat(n * 1000));
    const [image, back] = [join(folder, 'in.img'), join(folder, 'out.img')];
    execFileSync('mkfs.ext4', ['-q', '-d', files, image, '32M']);
    const target = await startTarget(
      folder,
      `  - { iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 32MiB }] }\n`,
    );
    const uri = `iscsi://${target.address}/${IQN}/1`;
    await run('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', image, uri]);
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', uri, back]);
    await target.stop();
    execFileSync('cmp', [image, back]);
    execFileSync('cmp', [image, join(folder, 'lun.img')]);
    execFileSync('e2fsck', ['-fn', back], { stdio: 'ignore' });
  });
});
