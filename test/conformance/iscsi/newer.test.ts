/**
 * A newer `iscsi-test-cu` than the distribution's, built by whoever runs this (`./autogen.sh && ./configure --enable-tests --enable-test-tool && make`
 * in libiscsi's sources): `ETERNE_ISCSI_TEST_CU=/path/to/iscsi-test-cu ./eterne test iscsi/newer`. In clear, with CHAP, and with both digests.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NEWER_FAULTS, NEWER_SKIPS, SKIPS, SKIPS_OF_PLAIN, SKIPS_WITHOUT_REMOVABLE } from './skips.ts';
import { families, noVerdict, runFamily, type Verdict } from './support/suite.ts';
import { startTarget, type TargetProcess } from './support/target.ts';

const program = process.env.ETERNE_ISCSI_TEST_CU;
const LUN_BYTES = 100 * 1024 * 1024;
/** A whole family takes a few seconds. */
const TIMEOUT_MS = 60_000;
/** libiscsi's initiator takes the first answer after a log-in for one without a digest when it comes quickly, and waits for ever. */
const TRIES = 4;
/** A test of these may leave the suite without a session, and those after it would be skipped. */
const ONE_BY_ONE: Readonly<Record<string, readonly string[]>> = {
  'ALL.iSCSITMF': ['AbortTaskSimpleAsync', 'LUNResetSimpleAsync', 'LogoutDuringIOAsync'],
};

const folder = mkdtempSync(join(tmpdir(), 'eterne-iscsi-newer-'));
let target: TargetProcess;
const iqn = (name: string): string => `iqn.2026-11.io.eterne:${name}`;

/** `user`: one that looks like a hexadecimal number must be taken as text. */
const KINDS = [
  { name: 'plain', options: '', login: '', query: '' },
  {
    name: 'chap',
    options: "chap: { user: '0xc0ffee', password: 'open sesame!' }, ",
    login: '0xc0ffee%open sesame!@',
    query: '',
  },
  { name: 'digests', options: '', login: '', query: '?header_digest=crc32c&data_digest=crc32c' },
] as const;

before(async () => {
  if (program === undefined) return;
  const targets = KINDS.map(
    ({ name, options }) =>
      `  - { iqn: '${iqn(name)}', ${options}luns: [{ lun: 1, path: ${name}.img, size: ${LUN_BYTES} }] }\n`,
  );
  target = await startTarget(folder, targets.join(''));
});

after(async () => {
  if (program !== undefined) await target.stop();
  rmSync(folder, { recursive: true });
});

async function runPatiently(family: string, uri: string, tries = TRIES): Promise<Map<string, Verdict>> {
  assert.ok(program !== undefined);
  const found = await runFamily(family, uri, { program, timeoutMs: TIMEOUT_MS });
  return noVerdict(family, found) && tries > 1 ? runPatiently(family, uri, tries - 1) : found;
}

function excuse(test: string, hasChap: boolean): string | undefined {
  const family = test.split('.')[0] ?? '';
  const ours = SKIPS[test] ?? SKIPS_OF_PLAIN[test] ?? SKIPS_WITHOUT_REMOVABLE[family] ?? NEWER_SKIPS[test];
  return ours ?? (hasChap || family !== 'iSCSICHAP' ? undefined : 'needs a session with CHAP');
}

const skip = program === undefined ? 'ETERNE_ISCSI_TEST_CU names no newer iscsi-test-cu' : false;

describe('a newer iscsi-test-cu', { concurrency: KINDS.length, skip }, () => {
  for (const { name, login, query } of KINDS)
    it(`finds no fault (${name})`, async (context) => {
      const uri = `iscsi://${login}${target.address}/${iqn(name)}/1${query}`;
      const all = families(program).flatMap((family) => {
        const tests = ONE_BY_ONE[family];
        return tests === undefined ? [family] : tests.map((test) => `${family}.${test}`);
      });
      const found = new Map<string, Verdict>();
      for (const family of all)
        for (const [test, verdict] of await runPatiently(family, uri)) found.set(test, verdict);
      const of = (wanted: Verdict): string[] =>
        [...found].filter(([, verdict]) => verdict === wanted).map(([test]) => test);
      context.diagnostic(
        `${of('passed').length} passed, ${of('failed').length} failed, ${of('skipped').length} skipped`,
      );
      assert.deepEqual(
        of('failed').filter((test) => NEWER_FAULTS[test] === undefined),
        [],
      );
      assert.deepEqual(
        of('skipped').filter((test) => excuse(test, name === 'chap') === undefined),
        [],
        'skipped without a reason',
      );
    });
});
