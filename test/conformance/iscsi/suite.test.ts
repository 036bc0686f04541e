/** libiscsi's conformance suite against our target: thin 512-byte, thin 4-KiB, full and removable LUNs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SKIPS, SKIPS_OF_4K, SKIPS_WITHOUT_REMOVABLE, SKIPS_WITHOUT_THIN } from './skips.ts';
import { families, runFamily, type Verdict } from './support/suite.ts';
import { startTarget, type TargetProcess } from './support/target.ts';

/** `families`: absent: all. */
const KINDS: readonly {
  readonly name: string;
  readonly options: string;
  readonly thin: boolean;
  readonly removable: boolean;
  readonly families?: readonly string[];
}[] = [
  { name: 'thin', options: 'thin: true', thin: true, removable: false },
  { name: 'thin4k', options: 'thin: true, blockSize: 4096', thin: true, removable: false },
  { name: 'full', options: 'thin: false', thin: false, removable: false },
  { name: 'removable', options: 'thin: true, removable: true', thin: true, removable: true },
  {
    name: 'readonly',
    options: 'thin: true, readOnly: true',
    thin: true,
    removable: false,
    families: ['ALL.ReadOnly'],
  },
];

const LUN_BYTES = 100 * 1024 * 1024;
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
      `  - { iqn: '${iqn(name)}', luns: [{ lun: 1, path: ${name}.img, size: ${LUN_BYTES}, ${options} }] }\n`,
  );
  target = await startTarget(folder, targets.join(''));
});

after(async () => {
  await target.stop();
  rmSync(folder, { recursive: true });
});

function excuse(test: string, kind: (typeof KINDS)[number]): string | undefined {
  const family = test.split('.')[0] ?? '';
  return (
    (kind.name === 'readonly' ? undefined : SKIPS[test]) ??
    (kind.name === 'thin4k' ? SKIPS_OF_4K[test] : undefined) ??
    (kind.removable ? undefined : SKIPS_WITHOUT_REMOVABLE[family]) ??
    (kind.thin ? undefined : SKIPS_WITHOUT_THIN[family])
  );
}

// At once: much of the suite's time is waiting, and the LUNs belong to different targets.
const options = { concurrency: KINDS.length, skip: isInstalled() ? false : 'libiscsi-bin is not installed' };

describe('iscsi-test-cu', options, () => {
  for (const kind of KINDS) {
    it(`finds no fault in the ${kind.name} LUN`, async (context) => {
      const verdicts = new Map<string, Verdict>();
      for (const family of kind.families ?? families())
        for (const [test, verdict] of await runFamily(
          family,
          `iscsi://${target.address}/${iqn(kind.name)}/1`,
        ))
          verdicts.set(test, verdict);
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
