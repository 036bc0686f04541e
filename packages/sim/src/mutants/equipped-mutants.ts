/** Bugs that a mirror shows which has more than every mirror has: checksums, several paths, a set of volumes, growth, verifies, disks that are replaced. */
import { inOneFile } from './in-one-file.ts';
import type { Change, Mutant } from './registry.ts';

const ENGINE = 'disk/src/engine';

const equipped = inOneFile('equipped');

function inSeveral(name: string, ...changes: readonly Change[]): Mutant {
  return { name, scenario: 'equipped', changes };
}

export const EQUIPPED_MUTANTS: readonly Mutant[] = [
  equipped(
    'what does not match its checksum is read all the same',
    `${ENGINE}/disk/checksums/checksummed-store.ts`,
    ['if (bad === undefined) return undefined;', 'return undefined;'],
  ),
  equipped(
    'checksums stay on the disk while their blocks are written',
    `${ENGINE}/disk/checksums/checksum-pages.ts`,
    ['    if (!page.isUnread && isZero(page.values)) {\n', '    {\n'],
  ),
  inSeveral(
    'what came over two paths is taken twice',
    {
      file: 'disk/src/protocol/paths/reassembly.ts',
      edits: [
        [
          '    if (end <= this.#delivered) return;\n',
          '    if (end <= this.#delivered) return this.#deliver(data);\n',
        ],
      ],
    },
    {
      file: 'disk/src/protocol/frame-decoder.ts',
      edits: [
        [
          'if (readUint64(bytes, at + 16) !== this.#sequence)',
          'if (readUint64(bytes, at + 16) > this.#sequence)',
        ],
        ['    this.#sequence += 1;\n', '    this.#sequence = Number.MAX_SAFE_INTEGER;\n'],
      ],
    },
    {
      file: `${ENGINE}/link/applier.ts`,
      edits: [
        ['if (message.number !== this.#received) throw', 'if (message.number > this.#received) throw'],
        [
          '    this.#received += 1;\n',
          '    this.#received = Math.max(this.#received, message.number + 1);\n',
        ],
      ],
    },
  ),
  equipped('what went into a path that died is not sent again', 'disk/src/protocol/paths/send-window.ts', [
    '      if (segment.path !== path) continue;\n',
    '      if (segment.path !== path || path > 0) continue;\n',
  ]),
  equipped('a path that has gone silent is kept', `${ENGINE}/link/path-bundle.ts`, [
    'const SILENT_TICKS_MAX = 3;',
    'const SILENT_TICKS_MAX = 300;',
  ]),
  equipped('a growth shows before the peers have made it', `${ENGINE}/resize/resize.ts`, [
    "    askAll(sessions, { step: 'commit', sizeBytes }, undefined, (lost) => {\n",
    "    askAll([], { step: 'commit', sizeBytes }, undefined, (lost) => {\n",
  ]),
  equipped('who has grown and was told nothing more serves at once', `${ENGINE}/resize/volume-size.ts`, [
    '    if (metadata.state.unconfirmedBytes === 0) return undefined;\n',
    '    if (metadata.state.unconfirmedBytes >= 0) return undefined;\n',
  ]),
  equipped('what is added to a volume is not zeroed', 'disk/src/grow-store.ts', [
    '  if (startBytes >= endBytes) return done(undefined);\n  nextExtent',
    '  if (startBytes >= 0) return done(undefined);\n  nextExtent',
  ]),
  equipped('a flush of a set reaches its first volume only', `${ENGINE}/set/chained-store.ts`, [
    'this.#all((store, finished) => store.flush(finished), done);',
    'this.#parts[0]?.store.flush(done);',
  ]),
  equipped('reads go to a peer that lacks the block', `${ENGINE}/primary/primary.ts`, [
    '(lacks ? differing : links).push(link);',
    'links.push(link);',
  ]),
  equipped(
    'a verify does not hold back writes',
    `${ENGINE}/verify/verify-target.ts`,
    ['    if (locks.acquire(lock)) this.#read(lock, content);', '    this.#read(lock, content);'],
    ['    if (this.#closed) return locks.release(lock);', '    if (this.#closed) return;'],
    ['      locks.release(lock);\n', ''],
  ),
  equipped('a blank disk is taken for the one that it replaces', `${ENGINE}/primary/primary.ts`, [
    '    for (const { bitmap } of this.mirrors) bitmap.markAll();\n    this.#parts.metadata.persistBitmaps(done);',
    '    this.#parts.metadata.persistBitmaps(done);',
  ]),
  equipped('a disk that is being rebuilt gets no writes', `${ENGINE}/local-disk.ts`, [
    'return this.#failure === undefined || this.#isRebuilding;',
    'return this.#failure === undefined;',
  ]),
  equipped(
    'metadata that moves is erased before the sign names its new place',
    `${ENGINE}/disk/move-metadata.ts`,
    [
      '    (next) => writeHead(device, to, head, next),\n',
      '    (next) => writeHead(device, to, head, next),\n    (next) => eraseHead(device, from.start, head, next),\n',
    ],
  ),
  equipped('metadata moves, and the sign names its old place', `${ENGINE}/disk/move-metadata.ts`, [
    'putSign(device, to, true,',
    'putSign(device, from.start, true,',
  ]),
  equipped('a source goes on after it has handed over', `${ENGINE}/link/session.ts`, [
    "if (this.#phase === 'target' || this.#phase === 'source' || this.isRepaired) return true;",
    "if (this.#phase === 'target' || this.isRepaired) return true;",
  ]),
];
