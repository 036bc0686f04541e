/**
 * A newer `iscsi-test-cu` than the distribution's, on the same LUNs as its own, and on plain ones with CHAP and with both digests:
 * `ETERNE_ISCSI_TEST_CU=/path/to/iscsi-test-cu ./eterne test iscsi/newer`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NEWER_FAULTS, NEWER_SKIPS, NEWER_SKIPS_OF_CHAP, NEWER_SKIPS_OF_FAMILY } from './skips.ts';
import {
  KINDS,
  PLAIN,
  excuse,
  familiesOf,
  iqnOf,
  makeReadOnlyImages,
  targetLine,
  type Kind,
} from './support/kinds.ts';
import { noVerdict, runFamily, type Verdict } from './support/suite.ts';
import { startTarget, type TargetProcess } from './support/target.ts';

const program = process.env.ETERNE_ISCSI_TEST_CU;
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

interface Way {
  readonly kind: Kind;
  /** Of the target, in YAML. */
  readonly options: string;
  /** Parts of the URL. */
  readonly login: string;
  readonly query: string;
}

const plainly = (kind: Kind): Way => ({ kind, options: '', login: '', query: '' });
const DIGESTS = '?header_digest=crc32c&data_digest=crc32c';
const PASSWORD = 'open sesame!';
/** Twice what one segment of an EXTENDED COPY moves. */
const LARGE_BYTES = 512 * 1024 * 1024;

/** `user`: also one that looks like a number must be taken as text. */
const withChap = (kind: Kind, user: string): Way => ({
  kind,
  options: `chap: { user: '${user}', password: '${PASSWORD}' }, `,
  login: `${user}%${PASSWORD}@`,
  query: '',
});

const WAYS: readonly Way[] = [
  ...KINDS.map(plainly),
  plainly({ ...PLAIN, name: 'large', sizeBytes: LARGE_BYTES, runs: ['ALL.ExtendedCopy.Large'] }),
  withChap({ ...PLAIN, name: 'chap' }, '0xc0ffee'),
  withChap({ ...PLAIN, name: 'chap64', runs: ['ALL.iSCSICHAP'] }, '0bY29mZmVl'),
  { ...plainly({ ...PLAIN, name: 'digests' }), query: DIGESTS },
];

before(async () => {
  if (program === undefined) return;
  makeReadOnlyImages(folder);
  target = await startTarget(folder, WAYS.map(({ kind, options }) => targetLine(kind, options)).join(''));
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

function excuseNow(test: string, { kind, login }: Way): string | undefined {
  const family = test.split('.')[0] ?? '';
  const ours = excuse(test, kind) ?? NEWER_SKIPS[test];
  return ours ?? (login === '' ? NEWER_SKIPS_OF_FAMILY[family] : NEWER_SKIPS_OF_CHAP[test]);
}

async function runAll({ kind, login, query }: Way): Promise<Map<string, Verdict>> {
  const uri = `iscsi://${login}${target.address}/${iqnOf(kind.name)}/1${query}`;
  const all = familiesOf(kind, program).flatMap((family) => {
    const tests = ONE_BY_ONE[family];
    return tests === undefined ? [family] : tests.map((test) => `${family}.${test}`);
  });
  const found = new Map<string, Verdict>();
  for (const family of all)
    for (const [test, verdict] of await runPatiently(family, uri)) found.set(test, verdict);
  return found;
}

const skip = program === undefined ? 'ETERNE_ISCSI_TEST_CU names no newer iscsi-test-cu' : false;

describe('a newer iscsi-test-cu', { concurrency: WAYS.length, skip }, () => {
  for (const way of WAYS)
    it(`finds no fault (${way.kind.name})`, async (context) => {
      const found = await runAll(way);
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
        of('skipped').filter((test) => excuseNow(test, way) === undefined),
        [],
        'skipped without a reason',
      );
    });
});
