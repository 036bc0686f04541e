/** libiscsi's conformance suite against our target: thin 512-byte, thin 4-KiB and full LUNs with every option on, and a plain one. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SKIPS, SKIPS_OF_4K, SKIPS_OF_PLAIN, SKIPS_WITHOUT_REMOVABLE, SKIPS_WITHOUT_THIN } from './skips.ts';
import { families, runFamily, testsOf, type Verdict } from './support/suite.ts';
import { startTarget, type TargetProcess } from './support/target.ts';

interface Kind {
  readonly name: string;
  readonly options: string;
  /** Absent: all of them. */
  readonly families?: (all: readonly string[]) => readonly string[];
}

const SANITIZE = 'ALL.Sanitize';
const OWN = '-sanitize';
/** An overwrite of it takes eight seconds at the usual pace; the test of resets needs more than five. */
const SANITIZED_BYTES = 64 * 1024 * 1024;

/** With everything that a LUN of the kind can have. */
const EQUIPPED: readonly Kind[] = [
  { name: 'thin', options: 'thin: true, physicalBlockSize: 128KiB' },
  { name: 'thin4k', options: 'thin: true, blockSize: 4096, physicalBlockSize: 1MiB' },
  { name: 'full', options: 'thin: false, physicalBlockSize: 128KiB' },
].map(({ name, options }) => ({ name, options: `${options}, removable: true, sanitize: overwrite` }));

/**
 * SANITIZE has LUNs of its own, since most of its time is waiting, and a process for each test: with two paths Sanitize.Reservations leaves a RESERVE (6) behind that
 * keeps Sanitize.Reset from beginning.
 */
const KINDS: readonly Kind[] = [
  ...EQUIPPED.map((kind) => ({
    ...kind,
    families: (all: readonly string[]) => all.filter((name) => name !== SANITIZE),
  })),
  ...EQUIPPED.map(({ name, options }) => ({
    name: `${name}${OWN}`,
    options,
    families: () => testsOf(SANITIZE),
  })),
  { name: 'plain', options: '' },
  { name: 'readonly', options: 'readOnly: true', families: () => ['ALL.ReadOnly'] },
];

const LUN_BYTES = 100 * 1024 * 1024;
const sizeOf = (name: string): number => (name.endsWith(OWN) ? SANITIZED_BYTES : LUN_BYTES);
const iqn = (name: string): string => `iqn.2026-11.io.eterne:${name}`;
const folder = mkdtempSync(join(tmpdir(), 'eterne-iscsi-'));
let target: TargetProcess;

function isInstalled(): boolean {
  try {
    execFileSync('which', ['iscsi-test-cu'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

before(async () => {
  writeFileSync(join(folder, 'readonly.img'), Buffer.alloc(LUN_BYTES));
  const targets = KINDS.map(
    ({ name, options }) =>
      `  - { iqn: '${iqn(name)}', luns: [{ lun: 1, path: ${name}.img, size: ${sizeOf(name)}${options && `, ${options}`} }] }\n`,
  );
  target = await startTarget(folder, targets.join(''));
});

after(async () => {
  await target.stop();
  rmSync(folder, { recursive: true });
});

function excuse(test: string, { options }: Kind): string | undefined {
  const family = test.split('.')[0] ?? '';
  const has = (option: string): boolean => options.includes(option);
  return (
    (has('readOnly: true') ? undefined : SKIPS[test]) ??
    (has('physicalBlockSize') ? undefined : SKIPS_OF_PLAIN[test]) ??
    (has('blockSize: 4096') ? SKIPS_OF_4K[test] : undefined) ??
    (has('removable: true') ? undefined : SKIPS_WITHOUT_REMOVABLE[family]) ??
    (has('thin: false') ? SKIPS_WITHOUT_THIN[family] : undefined)
  );
}

async function runAll(kind: Kind): Promise<Map<string, Verdict>> {
  const found = new Map<string, Verdict>();
  const all = families();
  for (const family of kind.families?.(all) ?? all)
    for (const [test, verdict] of await runFamily(family, `iscsi://${target.address}/${iqn(kind.name)}/1`))
      found.set(test, verdict);
  return found;
}

// At once: much of the suite's time is waiting, and the LUNs belong to different targets.
const options = { concurrency: KINDS.length, skip: isInstalled() ? false : 'libiscsi-bin is not installed' };

describe('iscsi-test-cu', options, () => {
  for (const kind of KINDS) {
    it(`finds no fault in the ${kind.name} LUN`, async (context) => {
      const verdicts = await runAll(kind);
      const of = (wanted: Verdict): string[] =>
        [...verdicts].filter(([, verdict]) => verdict === wanted).map(([test]) => test);
      context.diagnostic(
        `${of('passed').length} passed, ${of('failed').length} failed, ${of('skipped').length} skipped`,
      );
      assert.deepEqual(of('failed'), []);
      assert.deepEqual(
        of('skipped').filter((test) => excuse(test, kind) === undefined),
        [],
        'skipped without a reason',
      );
    });
  }
});
