/** The LUNs that libiscsi's suite runs on, what of it runs on each, and which tests each may skip. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SKIPS, SKIPS_OF_4K, SKIPS_OF_PLAIN, SKIPS_WITHOUT_REMOVABLE, SKIPS_WITHOUT_THIN } from '../skips.ts';
import { families, testsOf } from './suite.ts';

const SANITIZE = 'ALL.Sanitize';
const OWN = '-sanitize';
/** An overwrite of it takes eight seconds at the usual pace; the test of resets needs more than five. */
const SANITIZED_BYTES = 64 * 1024 * 1024;
const LUN_BYTES = 100 * 1024 * 1024;

export interface Kind {
  readonly name: string;
  /** Of the LUN, in YAML. */
  readonly options: string;
  readonly sizeBytes?: number;
  /** Names: those families, or tests, alone. */
  readonly runs: 'everything' | 'all but SANITIZE' | 'SANITIZE' | readonly string[];
}

/** With everything that a LUN of the kind can have. */
const EQUIPPED = [
  { name: 'thin', options: 'thin: true, physicalBlockSize: 128KiB' },
  { name: 'thin4k', options: 'thin: true, blockSize: 4096, physicalBlockSize: 1MiB' },
  { name: 'full', options: 'thin: false, physicalBlockSize: 128KiB' },
].map(({ name, options }) => ({ name, options: `${options}, removable: true, sanitize: overwrite` }));

export const PLAIN: Kind = { name: 'plain', options: '', runs: 'everything' };

/**
 * SANITIZE has LUNs of its own, since most of its time is waiting, and a process for each test: with two paths Sanitize.Reservations leaves a RESERVE (6) behind that
 * keeps Sanitize.Reset from beginning.
 */
export const KINDS: readonly Kind[] = [
  ...EQUIPPED.map((kind) => ({ ...kind, runs: 'all but SANITIZE' as const })),
  ...EQUIPPED.map(({ name, options }) => ({ name: `${name}${OWN}`, options, runs: 'SANITIZE' as const })),
  PLAIN,
  { name: 'readonly', options: 'readOnly: true', runs: ['ALL.ReadOnly'] },
];

export const iqnOf = (name: string): string => `iqn.2026-11.io.eterne:${name}`;
const isReadOnly = ({ options }: Kind): boolean => options.includes('readOnly: true');

/** What nobody can write is there before its target is started. */
export function makeReadOnlyImages(folder: string): void {
  for (const { name } of KINDS.filter(isReadOnly))
    writeFileSync(join(folder, `${name}.img`), Buffer.alloc(LUN_BYTES));
}

/** The line of a target's configuration; `ofTarget` are options of the target itself. */
export const targetLine = ({ name, options, runs, sizeBytes }: Kind, ofTarget = ''): string => {
  const usualBytes = runs === 'SANITIZE' ? SANITIZED_BYTES : LUN_BYTES;
  return `  - { iqn: '${iqnOf(name)}', ${ofTarget}luns: [{ lun: 1, path: ${name}.img, size: ${sizeBytes ?? usualBytes}${options && `, ${options}`} }] }\n`;
};

/** What is run in a process each; `program` is the suite's, absent: the installed one. */
export function familiesOf({ runs }: Kind, program?: string): readonly string[] {
  switch (runs) {
    case 'everything':
      return families(program);
    case 'all but SANITIZE':
      return families(program).filter((name) => name !== SANITIZE);
    case 'SANITIZE':
      return testsOf(SANITIZE, program);
    default:
      return runs;
  }
}

/** Why a LUN of this kind may skip a test; undefined: it may not. */
export function excuse(test: string, kind: Kind): string | undefined {
  const family = test.split('.')[0] ?? '';
  const has = (option: string): boolean => kind.options.includes(option);
  return (
    (isReadOnly(kind) ? undefined : SKIPS[test]) ??
    (has('physicalBlockSize') ? undefined : SKIPS_OF_PLAIN[test]) ??
    (has('blockSize: 4096') ? SKIPS_OF_4K[test] : undefined) ??
    (has('removable: true') ? undefined : SKIPS_WITHOUT_REMOVABLE[family]) ??
    (has('thin: false') ? SKIPS_WITHOUT_THIN[family] : undefined)
  );
}
