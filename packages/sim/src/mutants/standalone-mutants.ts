/** Bugs that two servers without a cluster show. */
import { inOneFile } from './in-one-file.ts';
import type { Mutant } from './registry.ts';

const standalone = inOneFile('standalone');

export const STANDALONE_MUTANTS: readonly Mutant[] = [
  standalone('what a side of a split brain loses is not kept', 'disk/src/rescue/rescue.ts', [
    'if (!copying.surplus) return this.#forget(copying.id, done);',
    'return this.#forget(copying.id, done);',
  ]),
  standalone('blocks are overwritten before they are saved', 'disk/src/rescue/rescue.ts', [
    'this.#parts.disk.guard = this.#live.length > 0 && !this.#isDisowned ? this.#images : undefined;',
    'this.#parts.disk.guard = undefined;',
  ]),
  standalone('a journal that has failed is whole when it is opened again', 'disk/src/rescue/rescue.ts', [
    'this.#parts.disown((problem) => {',
    '((done: RescueDone) => done(undefined))((problem) => {',
  ]),
  standalone('a journal that has failed keeps its volume closed', 'disk/src/engine/disk/open-stores.ts', [
    'LOST.includes(rescue.code)',
    'false',
  ]),
  standalone('whoever lost its primary may be promoted without force', 'disk/src/engine/promotion.ts', [
    "if (diskState === 'UpToDate' || this.#wasCertain) return undefined;",
    "if (diskState !== 'Inconsistent') return undefined;",
  ]),
  standalone(
    'a member that is away counts as one that is being overwritten',
    'disk/src/engine/promotion.ts',
    ['session?.isOverwritten === true', 'session?.isOverwritten !== false'],
  ),
  standalone(
    'whom a promoted replica copies to knows its term before it does',
    'disk/src/engine/promotion.ts',
    ["const copies = sessions.some(({ phase }) => phase === 'source');", 'const copies = false;'],
  ),
  standalone('a restart counts no more as soon as it is known', 'disk/src/engine/link/after-handshake.ts', [
    '...(copiesToEqual(mine, decision) ? {} : witnessing(state, theirs)),',
    '...witnessing(state, theirs),',
  ]),
  standalone(
    'a write to what was copied already goes to the source alone',
    'disk/src/engine/primary/rebuild.ts',
    [
      'const run = this.#open.nextDirty(first, blockCount);',
      'const run = this.#lacking.nextDirty(first, blockCount);',
    ],
  ),
  standalone('a replica that serves before it is whole reads its own disk', 'disk/src/engine/promotion.ts', [
    "diskState: this.#borrows ? 'Inconsistent' : 'UpToDate',",
    "diskState: 'UpToDate',",
  ]),
  standalone(
    'a replica is given up by what it last heard of whoever serves',
    'disk/src/engine/invalidate.ts',
    ['this.#leader = replica.follows;', "this.#leader = '';"],
  ),
  standalone(
    'what a primary that is not whole reads may be given up',
    'disk/src/engine/invalidate.ts',
    [
      'if (session === undefined || session.isLender) return false;',
      'if (session === undefined) return false;',
    ],
    [
      "if (isEqual) return peerDisk === 'UpToDate' || peerDisk === 'Consistent';",
      'if (isEqual) return true;',
    ],
    ['this.#leader = replica.follows;', "this.#leader = '';"],
  ),
];
