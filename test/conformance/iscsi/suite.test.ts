/** libiscsi's conformance suite against our target: thin 512-byte, thin 4-KiB and full LUNs with every option on, and a plain one. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  KINDS,
  excuse,
  familiesOf,
  iqnOf,
  makeReadOnlyImages,
  targetLine,
  type Kind,
} from './support/kinds.ts';
import { runFamily, type Verdict } from './support/suite.ts';
import { startTarget, type TargetProcess } from './support/target.ts';

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
  makeReadOnlyImages(folder);
  target = await startTarget(folder, KINDS.map((kind) => targetLine(kind)).join(''));
});

after(async () => {
  await target.stop();
  rmSync(folder, { recursive: true });
});

async function runAll(kind: Kind): Promise<Map<string, Verdict>> {
  const found = new Map<string, Verdict>();
  for (const family of familiesOf(kind))
    for (const [test, verdict] of await runFamily(family, `iscsi://${target.address}/${iqnOf(kind.name)}/1`))
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
