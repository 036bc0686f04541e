/**
 * The iSCSI target against Debian's tgtd: same machine, same size of buffered file, same tools, alternating within each round; medians of the rates, and of
 * the ratios within each round. `-two`: a LUN of a target that has a second one. Last 64 sessions at once, each from an initiator of its own: the sum of their rates, and the target's memory at its highest. `npm run bench -- target [--rounds N] [--seconds N] [--only NAME]`.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GIB, KIB, MIB, formatSize } from '@eterne/base';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { median } from './lib/fio.ts';
import { readRate, writeRate } from './lib/iscsi-load.ts';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { Servers, isInstalled, peakRssBytesOf, sleep } from './lib/processes.ts';
import { inRounds, medianRatio } from './lib/rounds.ts';
import { startTgt } from './lib/tgt.ts';

interface Row {
  readonly name: string;
  readonly kind: 'read' | 'write';
  readonly sizeBytes: number;
  readonly depth: number;
  /** The LUN is one of two of its target: writes may not hold up the other one. */
  readonly beside?: true;
}

const ONE_LUN: readonly Row[] = (['read', 'write'] as const).flatMap((kind) => [
  { name: `${kind}-4k-d1`, kind, sizeBytes: 4 * KIB, depth: 1 },
  { name: `${kind}-4k-d32`, kind, sizeBytes: 4 * KIB, depth: 32 },
  { name: `${kind}-1m-d1`, kind, sizeBytes: MIB, depth: 1 },
  { name: `${kind}-1m-d8`, kind, sizeBytes: MIB, depth: 8 },
]);
const besideAnother = (row: Row): Row => ({ ...row, name: `${row.name}-two`, beside: true });
const ROWS: readonly Row[] = [
  ...ONE_LUN,
  ...ONE_LUN.filter(({ kind }) => kind === 'write').map(besideAnother),
];

/** `depth`: of each session. */
const SESSION_ROWS: readonly Row[] = [
  { name: 'sessions-64-4k', kind: 'read', sizeBytes: 4 * KIB, depth: 4 },
  { name: 'sessions-64-1m', kind: 'read', sizeBytes: MIB, depth: 8 },
];
const SESSIONS = 64;

const SIZE_BYTES = GIB;
const IQN = 'iqn.2026-11.io.eterne:bench';
const IQN_OF_TWO = `${IQN}-two`;
/** Writes of a measurement, so that it takes about as long as one of reads. */
const WRITES_A_SECOND = { small: 10_000, large: 500 };

/** A file without holes: neither side shall profit from unallocated blocks. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  const chunk = Buffer.alloc(MIB, 0xa5);
  for (let written = 0; written < SIZE_BYTES; written += chunk.length) writeSync(file, chunk);
  closeSync(file);
}

/** Both targets are found there: its processes serve. */
async function answers(portal: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    await sleep(100);
    try {
      execFileSync('iscsi-ls', ['-s', portal], { stdio: 'ignore' });
      return;
    } catch (error) {
      if (tries === 100) throw error;
    }
  }
}

async function startOurs(
  servers: Servers,
  folder: string,
): Promise<{ readonly uri: string; readonly uriOfTwo: string; readonly pid: number | undefined }> {
  const port = await freePort();
  const config = join(folder, 'target.yaml');
  writeFileSync(
    config,
    `portals: ['127.0.0.1:${port}']\ntargets:\n  - { iqn: '${IQN}', luns: [{ lun: 1, path: ours.img }] }\n` +
      `  - { iqn: '${IQN_OF_TWO}', luns: [{ lun: 1, path: two.img }, { lun: 2, path: other.img, size: 1MiB }] }\n`,
  );
  const { pid } = servers.start(join(repositoryRoot, 'eterne'), ['target', 'run', '--config', config]);
  await answers(`iscsi://127.0.0.1:${port}/`);
  const uriOf = (iqn: string): string => `iscsi://127.0.0.1:${port}/${iqn}/1`;
  return { uri: uriOf(IQN), uriOfTwo: uriOf(IQN_OF_TWO), pid };
}

/** Fails when any session does. */
async function measureSessions(row: Row, uri: string, seconds: number): Promise<number> {
  const rates = await Promise.all(
    Array.from({ length: SESSIONS }, (_, index) =>
      readRate(uri, row.sizeBytes, row.depth, seconds, `${IQN}-initiator-${index}`),
    ),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}

function measure(row: Row, uri: string, seconds: number): Promise<number> {
  if (row.kind === 'read') return readRate(uri, row.sizeBytes, row.depth, seconds);
  const rate = row.sizeBytes === MIB ? WRITES_A_SECOND.large : WRITES_A_SECOND.small;
  return writeRate(uri, row.sizeBytes, row.depth, rate * seconds);
}

export async function benchTarget(options: {
  rounds: number;
  seconds: number;
  only: string | undefined;
}): Promise<void> {
  for (const program of ['tgtd', 'tgtadm', 'iscsi-perf', 'qemu-img'])
    if (!isInstalled(program)) throw new Error(`${program} is not installed`);
  const folder = mkdtempSync(join(tmpdir(), 'eterne-bench-'));
  const servers = new Servers();
  try {
    for (const name of ['ours.img', 'two.img', 'tgt.img']) fill(join(folder, name));
    const ours = await startOurs(servers, folder);
    const tgtUri = await startTgt(servers, join(folder, 'tgt.img'));
    const { only = '' } = options;
    const wanted = ({ name }: Row): boolean => name.includes(only);
    const compare = async (row: Row, measured: typeof measure): Promise<string> => {
      const uris = [row.beside === true ? ours.uriOfTwo : ours.uri, tgtUri];
      const [eterne = [], tgt = []] = await inRounds(uris, options.rounds, (uri) =>
        measured(row, uri, options.seconds),
      );
      return `${row.name.padEnd(16)} eterne ${show(row, median(eterne)).padStart(12)}   tgtd ${show(row, median(tgt)).padStart(12)}   ratio ${medianRatio(eterne, tgt).toFixed(2)}`;
    };
    for (const row of ROWS.filter(wanted)) process.stdout.write(`${await compare(row, measure)}\n`);
    for (const row of SESSION_ROWS.filter(wanted)) {
      const compared = await compare(row, measureSessions);
      const peak = formatSize(peakRssBytesOf(ours.pid ?? 0));
      process.stdout.write(`${compared}   at most ${peak} of memory\n`);
    }
  } finally {
    await servers.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const show = (row: Row, rate: number): string =>
  row.sizeBytes === MIB ? `${Math.round((rate * MIB) / 1e6)} MB/s` : `${Math.round(rate)} IOPS`;
