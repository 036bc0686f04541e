/** The target and the tools people use: libiscsi's and QEMU's; and what must survive `kill -9`. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startTarget, type TargetProcess } from './support/target.ts';

const MIB = 1 << 20;
const IQN = 'iqn.2026-11.io.eterne:tools';
const FRIEND = 'iqn.2026-11.io.eterne:friend';
const SECRET = 'correct-horse-1';
const OUR_SECRET = 'battery-staple-2';
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'eterne-iscsi-tools-'));
let target: TargetProcess;
const uri = (): string => `iscsi://${target.address}/${IQN}/1`;

function withTool(tool: string, title: string, body: () => Promise<void>): void {
  let skip: string | false = false;
  try {
    execFileSync('which', [tool], { stdio: 'ignore' });
  } catch {
    skip = `${tool} is not installed`;
  }
  it(`${tool}: ${title}`, { skip }, body);
}

const start = async (): Promise<void> => {
  target = await startTarget(
    folder,
    `  - { iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 64MiB, serial: ABC123 }] }\n`,
  );
};

/** With one that asks for a secret and one that is for a friend, in a process of their own: `iscsi-ls -s` fails where it may not log in. */
async function withGuarded(body: (guarded: TargetProcess) => Promise<void>): Promise<void> {
  const place = mkdtempSync(join(folder, 'guarded-'));
  const guarded = await startTarget(
    place,
    `  - { iqn: '${IQN}', chap: { user: u, password: ${SECRET}, mutualUser: m, mutualPassword: ${OUR_SECRET} }, luns: [{ lun: 1, path: secret.img, size: 1MiB }] }\n` +
      `  - { iqn: '${IQN}-members', initiators: ['${FRIEND}'], luns: [{ lun: 1, path: members.img, size: 1MiB }] }\n`,
  );
  try {
    await body(guarded);
  } finally {
    await guarded.stop();
  }
}

before(start);
after(async () => {
  await target.stop();
  rmSync(folder, { recursive: true });
});

describe('iSCSI target and the tools people use', () => {
  withTool('iscsi-ls', 'finds target and LUN', async () => {
    const { stdout } = await run('iscsi-ls', ['-s', `iscsi://${target.address}/`]);
    assert.match(stdout, new RegExp(`Target:${IQN} Portal:${target.address},1`));
    assert.match(stdout, /Lun:1 +Type:DIRECT_ACCESS/);
  });

  withTool('iscsi-inq', 'shows who the LUN is', async () => {
    const { stdout } = await run('iscsi-inq', [uri()]);
    assert.match(stdout, /^MultiP:0$/m);
    assert.match(stdout, /Vendor:ETERNE/);
    assert.match((await run('iscsi-inq', ['-e', '1', '-c', '128', uri()])).stdout, /ABC123/);
  });

  withTool('iscsi-inq', 'is let in with the secret, and knows us by ours', () =>
    withGuarded(async ({ address }) => {
      const inquiry = (login: string, query = ''): Promise<unknown> =>
        run('iscsi-inq', [`iscsi://${login}${address}/${IQN}/1${query}`]);
      await inquiry(`u%${SECRET}@`);
      await assert.rejects(inquiry('u%wrong-horse-1@'), /Authentication failure/);
      await assert.rejects(inquiry(''), /Authentication failure/);
      await inquiry(`u%${SECRET}@`, `?target_user=m&target_password=${OUR_SECRET}`);
      await assert.rejects(inquiry(`u%${SECRET}@`, '?target_user=m&target_password=not-our-secret-3'));
    }),
  );

  withTool('iscsi-ls', 'shows a target to whom it is for, and to nobody else', () =>
    withGuarded(async ({ address }) => {
      const members = new RegExp(`Target:${IQN}-members `);
      const list = async (initiator: string): Promise<string> =>
        (await run('iscsi-ls', ['-i', initiator, `iscsi://${address}/`])).stdout;
      assert.match(await list(FRIEND), members);
      assert.doesNotMatch(await list(`${FRIEND}-not`), members);
      const uri = `iscsi://${address}/${IQN}-members/1`;
      await run('iscsi-inq', ['-i', FRIEND, uri]);
      await assert.rejects(run('iscsi-inq', ['-i', `${FRIEND}-not`, uri]), /Authorization failure/);
    }),
  );

  withTool('qemu-img', 'writes an image, compares it and reads it back', async () => {
    const image = join(folder, 'image.raw');
    writeFileSync(
      image,
      Buffer.concat([randomBytes(8 * MIB), Buffer.alloc(40 * MIB), randomBytes(16 * MIB)]),
    );
    await run('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', image, uri()]);
    await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', image, uri()]);
    const back = join(folder, 'back.raw');
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', uri(), back]);
    await run('cmp', [image, back]);
  });

  withTool('qemu-io', 'verifies patterns, discards and zeroes', async () => {
    const commands = [
      'write -P 1 0 1M',
      'write -P 2 512 4k',
      'read -P 2 512 4k',
      'read -P 1 8k 1016k',
      'write -z 4k 8k',
      'read -P 0 4k 8k',
      'discard 0 1M',
      'flush',
    ];
    const { stdout } = await run('qemu-io', [
      '-f',
      'raw',
      ...commands.flatMap((command) => ['-c', command]),
      uri(),
    ]);
    assert.doesNotMatch(stdout, /fail|error/i);
  });

  withTool('iscsi-perf', 'reads for a second without an error', async () => {
    const { stdout } = await run('iscsi-perf', ['-m', '32', '-b', '8', '-t', '1', '--random', uri()]);
    assert.match(stdout, /iops average \d+/);
  });

  it('stays what it was through kill -9', async () => {
    await run('qemu-io', ['-f', 'raw', '-c', 'write -P 9 1M 1M', '-c', 'flush', uri()]);
    await target.stop('SIGKILL');
    await start();
    const { stdout } = await run('qemu-io', ['-f', 'raw', '-c', 'read -P 9 1M 1M', uri()]);
    assert.doesNotMatch(stdout, /fail|error/i);
    assert.ok(!existsSync(join(folder, 'lun.img.reservations')));
  });
});
