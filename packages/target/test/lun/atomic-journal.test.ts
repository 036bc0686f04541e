/** A power loss at every step of an atomic write, with un-synced bytes lost, torn or kept: afterwards all of it is there or nothing. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EterneError } from '@eterne/base';
import type { BlockStore, FileHandle, Files } from '@eterne/runtime';
import { AtomicJournal } from '@eterne/target/lun/atomic-journal.ts';

const STORE_BYTES = 16_384;
const WRITE_BYTES = 8192;
const OLD = 0x11;
const NEW = 0x22;

/** Bytes of which the un-synced ones are uncertain after a power loss. */
class Medium {
  durable: Buffer;
  volatile: Buffer;

  constructor(bytes: Buffer) {
    this.durable = Buffer.from(bytes);
    this.volatile = Buffer.from(bytes);
  }

  write(offset: number, from: Buffer): void {
    const end = offset + from.length;
    if (this.volatile.length < end)
      this.volatile = Buffer.concat([this.volatile, Buffer.alloc(end - this.volatile.length)]);
    from.copy(this.volatile, offset);
  }

  sync(): void {
    this.durable = Buffer.from(this.volatile);
  }

  /** `keptShare` of what was not synced reaches the medium, in 512-byte sectors from the front. */
  losePower(keptShare: number): void {
    const kept = Math.floor((this.volatile.length * keptShare) / 512) * 512;
    this.volatile = Buffer.concat([this.volatile.subarray(0, kept), this.durable.subarray(kept)]);
    this.sync();
  }
}

/** A machine that stops for good after so many steps. */
class Machine {
  readonly disk = new Medium(Buffer.alloc(STORE_BYTES, OLD));
  journal: Medium | undefined;
  stepsLeft = Infinity;

  step(then: () => void): void {
    this.stepsLeft -= 1;
    if (this.stepsLeft >= 0) then();
  }

  get store(): BlockStore {
    return {
      sizeBytes: STORE_BYTES,
      canPunch: true,
      read: () => assert.fail('not read'),
      write: (offset, from, done) => (this.disk.write(offset, from), this.step(() => done(undefined))),
      flush: (done) => this.step(() => (this.disk.sync(), done(undefined))),
      discard: () => assert.fail('not discarded'),
      writeZeroes: () => assert.fail('not zeroed'),
      close: (done) => done(),
    };
  }

  get files(): Files {
    const unused = (): never => assert.fail('not used');
    const handle = (medium: Medium): FileHandle => ({
      sizeBytes: medium.volatile.length,
      readAt: unused,
      writeAt: (offset, from, done) => (medium.write(offset, from), this.step(() => done(undefined))),
      truncate: unused,
      sync: (done) => this.step(() => (medium.sync(), done(undefined))),
      close: (done) => done(),
    });
    return {
      openFile: (_path, done) => done(handle((this.journal ??= new Medium(Buffer.alloc(0))))),
      readFile: (_path, done) => done(this.journal?.volatile),
      remove: (_path, done) => this.step(() => ((this.journal = undefined), done(undefined))),
      writeFileAtomic: unused,
      list: unused,
      makeFolder: unused,
      realPath: unused,
    };
  }

  open(): AtomicJournal | undefined {
    let opened: AtomicJournal | undefined;
    AtomicJournal.open(this.files, 'x.atomic', this.store, (journal) => {
      assert.ok(!(journal instanceof EterneError));
      opened = journal;
    });
    return opened;
  }
}

function runUntil(steps: number, keptShare: number): { finished: boolean; machine: Machine } {
  const machine = new Machine();
  const journal = machine.open();
  machine.stepsLeft = steps;
  let finished = false;
  journal?.write(4096, Buffer.alloc(WRITE_BYTES, NEW), (error) => (finished = error === undefined));
  machine.disk.losePower(keptShare);
  machine.journal?.losePower(keptShare);
  return { finished, machine };
}

it('leaves all or nothing of an atomic write whenever the power goes', () => {
  const outcomes = new Set<number>();
  for (let steps = 0; steps <= 6; steps += 1)
    for (const keptShare of [0, 0.4, 0.6, 1]) {
      const { finished, machine } = runUntil(steps, keptShare);
      machine.stepsLeft = Infinity;
      assert.ok(machine.open());
      const seen = machine.disk.durable.subarray(4096, 4096 + WRITE_BYTES);
      const first = seen[0] ?? 0;
      assert.ok(
        seen.every((byte) => byte === first),
        `torn after ${steps} steps, ${keptShare} kept`,
      );
      if (finished) assert.equal(first, NEW);
      outcomes.add(first);
    }
  assert.deepEqual(
    [...outcomes].sort((a, b) => a - b),
    [OLD, NEW],
  );
});

it('never brings an atomic write back over a newer one', () => {
  const { finished, machine } = runUntil(Infinity, 1);
  assert.ok(finished);
  machine.stepsLeft = Infinity;
  machine.disk.write(4096, Buffer.alloc(WRITE_BYTES, 0x33));
  machine.disk.sync();
  machine.open();
  assert.equal(machine.disk.durable[4096], 0x33);
});

it('takes no more writes when an unfinished one can neither be ended nor given up', () => {
  const machine = new Machine();
  const broken: Files = {
    ...machine.files,
    remove: (_path, done) => done(new EterneError('io', 'the folder is gone')),
  };
  const store: BlockStore = {
    ...machine.store,
    write: (_offset, _from, done) => done({ kind: 'device', errno: 'EIO', message: 'gone' }),
  };
  AtomicJournal.open(broken, 'x.atomic', store, (journal) => {
    assert.ok(journal instanceof AtomicJournal);
    journal.write(0, Buffer.alloc(4096, NEW), (error) => assert.equal(error, 'EIO'));
    assert.equal(journal.isStuck, true);
  });
});
