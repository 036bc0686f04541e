/**
 * The cluster's `shared-disk` agent with SCSI-3 reservations: two machines with kernels of their own, the real sg_persist, and a LUN that both reach. Who takes the disk over cuts off who
 * had it, at the disk itself, whatever that one is still writing.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { startTarget, type TargetProcess } from '../iscsi/support/target.ts';
import { Guest, guestMissing } from './support/guest.ts';
import { diskIn, logIn, portOf, startOpenIscsi } from './support/open-iscsi.ts';

const IQN = 'iqn.2026-11.io.eterne:shared';
const TARGET = `  - { iqn: '${IQN}', luns: [{ lun: 1, path: shared.img, size: 16MiB, serial: SHARED1 }] }\n`;
const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const MAIN = `${repositoryRoot}/test/conformance/kernel/support/shared-disk-main.ts`;
const folder = mkdtempSync(join(tmpdir(), 'eterne-kernel-shared-'));
const skip = guestMissing('iscsiadm', 'sg_persist');

interface Answer {
  readonly ok?: boolean;
  readonly state?: string;
  readonly reason: string;
}

/** A node with the shared disk. */
class Site {
  readonly #name: string;
  readonly #guest: Guest;
  readonly #disk: string;

  private constructor(name: string, guest: Guest, disk: string) {
    this.#name = name;
    this.#guest = guest;
    this.#disk = disk;
  }

  static async boot(name: string, port: number): Promise<Site> {
    const guest = await Guest.boot();
    const said = await guest.run(`${startOpenIscsi(`iqn.2026-11.io.eterne:${name}`)}\n${logIn(IQN, port)}`);
    return new Site(name, guest, diskIn(said));
  }

  async ask(action: 'start' | 'stop' | 'check' | 'find'): Promise<Answer> {
    const said = await this.#guest.run(`${NODE} ${MAIN} ${this.#name} ${action} ${this.#disk} 2>/dev/null`);
    return JSON.parse(said) as Answer;
  }

  /** The first block, past every cache. */
  async writes(letter: string): Promise<boolean> {
    const { code } = await this.#guest.attempt(`
      head -c 4096 /dev/zero | tr '\\0' ${letter} | dd of=${this.#disk} bs=4k oflag=direct conv=notrunc status=none`);
    return code === 0;
  }

  /** From now on again and again, until a write is refused; resolves then, with what the kernel said of it. */
  async writesUntilRefused(letter: string): Promise<string> {
    const { output } = await this.#guest.attempt(`
      head -c 4096 /dev/zero | tr '\\0' ${letter} >/tmp/block
      while dd if=/tmp/block of=${this.#disk} bs=4k oflag=direct conv=notrunc status=none; do touch /tmp/writes; done`);
    return output;
  }

  async isWriting(): Promise<void> {
    await this.#guest.run('until test -e /tmp/writes; do sleep 0.1; done');
  }

  async reads(): Promise<string> {
    return this.#guest.run(`dd if=${this.#disk} bs=4k count=1 iflag=direct status=none | tr -s a-z`);
  }

  stop(): Promise<void> {
    return this.#guest.stop();
  }
}

let target: TargetProcess;
let sites: readonly Site[] = [];

before(async () => {
  if (skip !== false) return;
  target = await startTarget(folder, TARGET);
  const port = portOf(target.address);
  sites = await Promise.all([Site.boot('n1', port), Site.boot('n2', port)]);
});

after(async () => {
  for (const site of sites) await site.stop();
  await target?.stop();
  rmSync(folder, { recursive: true });
});

describe('a shared disk with persistent reservations', { skip, timeout: 600_000 }, () => {
  it('is one node’s: whoever takes it over cuts the other off while that still writes', async () => {
    const [n1, n2] = sites;
    assert.ok(n1 && n2);
    assert.equal((await n1.ask('start')).ok, true);
    assert.equal((await n1.ask('check')).state, 'running');
    assert.equal(await n2.writes('x'), false, 'who is not registered writes nothing');
    const late = n1.writesUntilRefused('a');
    await n1.isWriting();
    assert.equal(await n2.reads(), 'a');
    assert.equal((await n2.ask('start')).ok, true);
    assert.match(await late, /Invalid exchange|Input\/output error/, 'a reservation conflict');
    assert.equal(await n2.writes('b'), true);
    assert.equal(await n1.writes('c'), false);
    assert.equal(await n2.reads(), 'b');
    assert.match((await n1.ask('check')).reason, /is reserved by 0xe7/);
    assert.equal((await n2.ask('check')).state, 'running');
    assert.deepEqual([await n1.ask('find'), await n2.ask('find')], [false, true]);
  });

  it('stays cut off when the disk has lost its power, and is free once it was let go of', async () => {
    const [n1, n2] = sites;
    assert.ok(n1 && n2);
    const port = portOf(target.address);
    await target.stop('SIGKILL');
    target = await startTarget(folder, TARGET, port);
    assert.equal(await n1.writes('d'), false);
    assert.equal(await n2.writes('e'), true);
    assert.equal((await n1.ask('stop')).ok, true, 'who has lost it takes nothing with him');
    assert.equal((await n2.ask('check')).state, 'running');
    assert.equal((await n2.ask('stop')).ok, true);
    assert.equal((await n1.ask('start')).ok, true);
    assert.equal(await n1.writes('f'), true);
    assert.equal(await n1.reads(), 'f');
  });
});
