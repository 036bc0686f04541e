/** The control socket, and many sessions at once: what it shows of them, and that their memory is bounded. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callHttp } from '@eterne/runtime/node/http.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { parseTargetConfig } from '@eterne/target/config.ts';
import type { TargetStatus } from '@eterne/target/control.ts';
import { startTarget } from '@eterne/target/run.ts';
import { NORMAL, TestInitiator } from './support/initiator.ts';

const IQN = 'iqn.2026-11.io.eterne:t1';
const SESSIONS = 64;
const MIB = 1 << 20;
/** Resident memory of a process. */
const rssBytesOf = (pid: number | null = null): number =>
  1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

const folder = mkdtempSync(join(tmpdir(), 'eterne-target-'));
after(() => rmSync(folder, { recursive: true }));

it('serves 64 sessions at once, shows them, and takes no memory for what nobody sent', async () => {
  const world = { ...createNodeWorld('test'), log: () => {} };
  const text = `control: t.ctl\nportals: ['127.0.0.1:0']\ntargets: [{ iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 64MiB, serial: S1 }] }]`;
  const target = await startTarget(world, parseTargetConfig(text, join(folder, 'target.yaml')));
  after(() => target.close());
  const status = async (): Promise<TargetStatus> =>
    (await callHttp(`unix:${join(folder, 't.ctl')}`, {
      method: 'GET',
      path: '/v1/status',
      timeoutMs: 10_000,
    })) as TargetStatus;
  const { pid } = (await status()).targets[0] ?? {};
  const rssBytes = rssBytesOf(pid);
  const initiators = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, index) => {
      const initiator = new TestInitiator(target.addresses[0] ?? '');
      const isid = `8000000001${index.toString(16).padStart(2, '0')}`;
      await initiator.login(NORMAL(IQN), undefined, isid);
      initiator.command('000000000000');
      await initiator.receive(); // the unit attention of a new session
      return initiator;
    }),
  );
  // Each announces writes of 16 MiB, 256 MiB together, and sends nothing of them.
  for (const initiator of initiators)
    for (let count = 0; count < 16; count += 1)
      initiator.command('8a00 0000000000000000 00008000 0000', { expectedBytes: 16 * MIB });
  await Promise.all(initiators.map((initiator) => initiator.receive())); // the first R2T
  // What is behind the first one may be read a moment later.
  const areRead = ({ sessions }: TargetStatus): boolean => sessions.every(({ commands }) => commands === 16);
  let shown = await status();
  for (let tries = 0; !areRead(shown) && tries < 500; tries += 1) {
    await sleep(10);
    shown = await status();
  }
  assert.equal(shown.sessions.length, SESSIONS);
  assert.equal(shown.targets[0]?.luns[0]?.serial, 'S1');
  assert.equal(shown.targets[0]?.state, 'serving');
  assert.ok(shown.sessions.every(({ target: iqn, commands }) => iqn === IQN && commands === 16));
  // Announced data has an address but no memory before it comes.
  const grownBytes = rssBytesOf(pid) - rssBytes;
  assert.ok(grownBytes < 512 * MIB, `${grownBytes} bytes`);
  for (const initiator of initiators) initiator.close();
  await target.close();
  await assert.rejects(status());
});
