/** Bugs in the mirror engine and its metadata. The name says what is broken. */
import { inOneFile } from './in-one-file.ts';
import type { Mutant } from './registry.ts';

const ENGINE = 'disk/src/engine';

const mirror = inOneFile('mirror');

export const MIRROR_MUTANTS: readonly Mutant[] = [
  mirror('acknowledge before the peer has it', `${ENGINE}/primary/write-path.ts`, [
    'if (!op.settled && (op.waiting & this.#owner.needed) === 0) this.#settle(op);',
    'if (!op.settled && (op.waiting & LOCAL_BIT) === 0) this.#settle(op);',
  ]),
  mirror('acknowledge before the local disk has it', `${ENGINE}/primary/membership.ts`, [
    "if (this.#isNeeded(this.#parts.node) || this.#local !== 'settled') bits |= LOCAL_BIT;",
    '',
  ]),
  mirror('write before the activity log is durable', `${ENGINE}/primary/write-path.ts`, [
    'this.#log.touch(op.offset, op.lengthBytes, (error) => this.#touched(op, error !== undefined));',
    'this.#log.touch(op.offset, op.lengthBytes, () => undefined); this.#issue(op);',
  ]),
  mirror('no held writes: a lost member is not waited for', `${ENGINE}/primary/membership.ts`, [
    'if (this.#set.members.includes(peer)) return true;',
    'if (this.#set.members.includes(peer) && this.#inStep.has(peer)) return true;',
  ]),
  mirror('a joining peer is not waited for', `${ENGINE}/primary/membership.ts`, [
    'return this.#joining.has(peer) || (this.#pending?.includes(peer) ?? false);',
    'return false;',
  ]),
  mirror(
    'flush is not forwarded to peers',
    `${ENGINE}/primary/flush-rounds.ts`,
    ['waiting: this.#owner.needed,', 'waiting: this.#owner.needed & LOCAL_BIT,'],
    ['if (link === undefined) continue;', 'if (link !== undefined || link === undefined) continue;'],
  ),
  mirror('what a lost peer had not flushed stays clean', `${ENGINE}/primary/flush-rounds.ts`, [
    '    this.#blocks.forEachRun(mark);\n    const round = this.#round;\n',
    '    const round = this.#round;\n',
  ]),
  mirror('what a lost peer had in flight stays clean', `${ENGINE}/primary/write-path.ts`, [
    '      op.sent &= ~bit;\n      mirror.bitmap.markDirty(op.offset, op.lengthBytes);\n',
    '      op.sent &= ~bit;\n',
  ]),
  mirror('writes without a peer leave no dirty bits', `${ENGINE}/primary/write-path.ts`, [
    '    if (link === undefined) {\n      mirror.bitmap.markDirty(op.offset, op.lengthBytes);\n',
    '    if (link === undefined) {\n',
  ]),
  mirror('the activity log lets go before the dirty bits are durable', `${ENGINE}/primary/flush-rounds.ts`, [
    'const isBehind = this.#owner.mirrors.some(({ bitmap }) => bitmap.needsPersist);',
    'const isBehind = false;',
  ]),
  mirror('the hot extents of a crash are forgotten', 'disk/src/metadata/open.ts', [
    'markHot(metadata, hotExtents);',
    '',
  ]),
  mirror(
    'the peer acknowledges before it has written',
    `${ENGINE}/link/applier.ts`,
    [
      '    this.#received += 1;\n',
      '    this.#received += 1;\n    this.#acks.add(message.number);\n    this.#scheduleAcks();\n',
    ],
    ['    this.#acks.add(write.number);\n    this.#scheduleAcks();\n', ''],
  ),
  mirror('a resync bit is cleared before the target’s flush', `${ENGINE}/link/sync-receiver.ts`, [
    '    this.#parts.disk.flush((error) => {\n      this.#flushing = false;\n',
    '    ((done: (error: StoreError | undefined) => void) => done(undefined))((error) => {\n      this.#flushing = false;\n',
  ]),
  mirror(
    'a resync copies without locking its range',
    `${ENGINE}/link/block-pump.ts`,
    ['if (this.#parts.locks.acquire(lock)) this.#locked(piece, lock);', 'this.#locked(piece, lock);'],
    ['      this.#parts.locks.release(lock);\n', ''],
  ),
  mirror('the lease never lapses', `${ENGINE}/primary/lease.ts`, [
    '    this.#validUntilBootMs = validUntilBootMs;\n',
    '    this.#validUntilBootMs = validUntilBootMs * 1_000;\n',
  ]),
  mirror('a term begins with its flushes believed done', `${ENGINE}/primary/flush-rounds.ts`, [
    'return this.#hasCompleted && this.#round',
    'return this.#round',
  ]),
  mirror('the peer answers a flush without flushing', `${ENGINE}/link/applier.ts`, [
    'this.#parts.disk.flush((error) => {',
    '((done: (error: StoreError | undefined) => void) => done(undefined))((error) => {',
  ]),
  mirror('metadata is believed durable without a flush', 'disk/src/metadata/committer.ts', [
    'if (firstError === undefined) this.#store.flush(done);',
    'if (firstError === undefined) done(undefined);',
  ]),
  mirror('a resync begins without flushing its source', `${ENGINE}/link/copy-out.ts`, [
    'this.#link.replica.disk.flush((flushError) => {',
    '((go: (error: { message: string } | undefined) => void) => go(undefined))((flushError) => {',
  ]),
  mirror('the activity log lets an extent go before it is flushed', 'disk/src/metadata/activity-log.ts', [
    'this.#table.assign(extent, sequence, this.#flushedEpoch)',
    'this.#table.assign(extent, sequence, 1e9)',
  ]),
  mirror('an asynchronous primary takes its peers for members in step', `${ENGINE}/primary/membership.ts`, [
    'if (!this.#parts.isAsync) for (const member of members)',
    'for (const member of members)',
  ]),
  mirror('a flush puts no barrier between an asynchronous peer’s writes', `${ENGINE}/primary/primary.ts`, [
    'const isBehindFlush = this.#flushAnswered;',
    'const isBehindFlush = false;',
  ]),
  mirror('what only a cache has is believed at an opening', 'disk/src/metadata/open.ts', [
    '  options.store.flush((flushError) => {\n',
    '  ((go: (error: { message: string } | undefined) => void) => go(undefined))((flushError) => {\n',
  ]),
  mirror('the target ignores the source’s dirty bits', `${ENGINE}/link/copy-in.ts`, [
    '(first, count) =>\n      this.#link.markBlocks(first, count),',
    '() => undefined,',
  ]),
  {
    name: 'a disk that was put back and made whole is whole for its source only, and what is half copied waits for it',
    scenario: 'mirror',
    changes: [
      { file: 'disk/src/metadata/incarnations.ts', edits: [['const LEAP = 2 ** 12;', 'const LEAP = 0;']] },
      {
        file: 'disk/src/metadata/handshake.ts',
        edits: [
          [
            'if (isRolledBack(source, target) && !isVouchedFor(source, target)) return true;',
            'if (isRolledBack(source, target)) return true;',
          ],
        ],
      },
    ],
  },
];
