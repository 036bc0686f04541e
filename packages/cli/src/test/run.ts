/**
 * All tests in one run: static checks, unit tests, then conformance and end-to-end tests, two files at a time where each can have namespaces
 * of its own (they start servers), else one; the simulator, all the time, on what processors these leave over. Ends with the line
 * `N passed, N failed, N skipped`.
 */
import { run as runFiles } from 'node:test';
import { nodeClock } from '@eterne/runtime/node/clock.ts';
import { nodeProcesses } from '@eterne/runtime/node/processes.ts';
import { findFiles, repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { canIsolate, runIsolated, type Isolation } from './isolated.ts';
import { unlessStalled } from './stalls.ts';
import { addTally, countFailure, emptyTally, lastLines, type Tally } from './tally.ts';

const PARALLEL = 2;
/** They hold daemons to times of a second and less: each runs after the others, beside nothing that takes a processor from it. */
const ALONE = [
  'app-repair',
  'demo',
  'far-sites',
  'grows',
  'heartbeat-paths',
  'mirror-takeover',
  'node-availability',
  'node-daemons',
  'node-leader-owner',
  'node-pair',
  'node-watchdog',
].map((name) => `test/e2e/${name}.test.ts`);
/** It uses every processor, and nothing in it is measured: from the start it takes what the others leave idle. */
const IDLE = 'test/e2e/simulator.test.ts';
/** A file that hangs is a failure, not a hanging run. */
const FILE_TIMEOUT_MS = 15 * 60_000;
/** Others may leave little of a slow machine. */
const IDLE_TIMEOUT_MS = 3 * 60 * 60_000;

const isAlone = (file: string): boolean => ALONE.some((path) => file.endsWith(path));
const isIdle = (file: string): boolean => file.endsWith(IDLE);

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Types, lint and format count as one test each. */
async function staticChecks(tally: Tally): Promise<void> {
  await Promise.all(['types', 'lint', 'format:check'].map((check) => staticCheck(check, tally)));
}

function staticCheck(check: string, tally: Tally): Promise<void> {
  const command = ['npm', 'run', '--silent', check] as const;
  return new Promise((resolve) => {
    nodeProcesses.spawn(
      { command, directory: repositoryRoot, timeoutMs: FILE_TIMEOUT_MS },
      ({ code, stdout, stderr }) => {
        if (code === 0) tally.passed += 1;
        else countFailure(tally, `static: ${check}`, `${stdout}${stderr}`);
        print(code === 0 ? `ok    static: ${check}` : `FAIL  static: ${check}\n${stdout}${stderr}`);
        resolve();
      },
    );
  });
}

interface Outcome {
  readonly name: string;
  readonly file?: string | undefined;
  readonly skip?: string | boolean | undefined;
  readonly details: {
    readonly error?: (Error & { readonly failureType?: string }) | undefined;
    readonly duration_ms?: number;
    readonly type?: string | undefined;
  };
}

const reason = (skip: string | boolean | undefined): string =>
  typeof skip === 'string' ? skip : 'no reason given';

const place = (test: Outcome): string => (test.file ?? '').replace(`${repositoryRoot}/`, '');

/** Of a batch so large that nobody knows otherwise where its time goes. */
const SLOWEST = 10;

function printSlowest(msByFile: ReadonlyMap<string, number>): void {
  if (msByFile.size <= SLOWEST) return;
  const slowest = [...msByFile].toSorted(([, x], [, y]) => y - x).slice(0, SLOWEST);
  for (const [file, ms] of slowest) print(`slow  ${(ms / 1000).toFixed(1)} s  ${file}`);
}

/** One batch of files; every single test counts, whole files and suites do not, unless they are skipped. */
export async function runBatch(files: readonly string[], parallel: number, tally: Tally): Promise<void> {
  const stream = runFiles({ files: [...files], concurrency: parallel, timeout: FILE_TIMEOUT_MS });
  const msByFile = new Map<string, number>();
  const clocked = (test: Outcome): void => {
    if (test.details.type === 'suite' || test.file === undefined) return;
    msByFile.set(place(test), (msByFile.get(place(test)) ?? 0) + (test.details.duration_ms ?? 0));
  };
  const failed = (test: Outcome): void => {
    const { error } = test.details;
    const cause = error?.cause instanceof Error ? error.cause : error;
    const what = `${place(test)}: ${test.name}`;
    countFailure(tally, what, cause?.message ?? '');
    print(`FAIL  ${what}\n${cause?.stack ?? 'no reason given'}`);
  };
  stream.on('test:pass', (test: Outcome) => {
    clocked(test);
    // A suite that is skipped never says what it would have tested, so it counts as one.
    if (test.skip !== undefined && test.skip !== false) {
      tally.skipped += 1;
      print(`skip  ${place(test)}: ${test.name} (${reason(test.skip)})`);
    } else if (test.details.type !== 'suite') {
      tally.passed += 1;
    }
  });
  stream.on('test:fail', (test: Outcome) => {
    clocked(test);
    // The part of a test that failed has been counted.
    if (test.details.type !== 'suite' && test.details.error?.failureType !== 'subtestsFailed') failed(test);
  });
  stream.on('test:stderr', ({ message }: { message: string }) => process.stderr.write(message));
  await new Promise<void>((resolve) => {
    stream.on('end', resolve);
    stream.resume();
  });
  printSlowest(msByFile);
}

async function timed(title: string, work: () => Promise<void>): Promise<void> {
  const startedMs = nodeClock.bootMs();
  print(`==    ${title}`);
  await work();
  print(`==    ${title}: ${((nodeClock.bootMs() - startedMs) / 1000).toFixed(1)} s`);
}

/** `PARALLEL` files at a time, each reported when it has ended. */
async function runLanes(files: readonly string[], tally: Tally): Promise<void> {
  const queue = [...files];
  const lane = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      await runApart(file, { idle: false, timeoutMs: FILE_TIMEOUT_MS }, tally);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
}

async function runApart(file: string, how: Isolation, tally: Tally): Promise<void> {
  const { output, tally: own } = await runIsolated(file, how);
  process.stdout.write(output);
  addTally(own, tally);
}

async function runOneByOne(files: readonly string[], tally: Tally): Promise<void> {
  for (const file of files) {
    const name = file.replace(`${repositoryRoot}/`, '');
    await timed(name, async () => addTally(await runSteadily(file, name), tally));
  }
}

/** The simulator has a clock of its own: what fails there fails again. */
function runSteadily(file: string, name: string): Promise<Tally> {
  const attempt = async (): Promise<Tally> => {
    const own = emptyTally();
    await runBatch([file], 1, own);
    return own;
  };
  if (isIdle(file)) return attempt();
  return unlessStalled(attempt, (stalledMs) =>
    print(`again ${name}: this machine stood still for ${stalledMs} ms meanwhile`),
  );
}

async function runSideBySide(files: readonly string[], tally: Tally): Promise<void> {
  await runLanes(
    files.filter((file) => !isAlone(file)),
    tally,
  );
  await runOneByOne(files.filter(isAlone), tally);
}

/** True when nothing failed. */
export async function runTests(filters: readonly string[]): Promise<boolean> {
  const tally = emptyTally();
  const wanted = (file: string): boolean =>
    filters.length === 0 || filters.some((filter) => file.includes(filter));
  const unit = findFiles('packages', '.test.ts').filter(wanted);
  const servers = ['test/conformance', 'test/e2e']
    .flatMap((folder) => findFiles(folder, '.test.ts'))
    .filter(wanted);
  const isolates = servers.length > 1 && (await canIsolate());
  const beside = isolates ? servers.filter(isIdle) : [];
  const inTurn = async (): Promise<void> => {
    if (filters.length === 0) await timed('static checks', () => staticChecks(tally));
    if (unit.length > 0)
      await timed(`unit tests (${unit.length} files)`, () => runBatch(unit, PARALLEL, tally));
    if (isolates)
      await runSideBySide(
        servers.filter((file) => !isIdle(file)),
        tally,
      );
    else await runOneByOne(servers, tally);
  };
  const idle = { idle: true, timeoutMs: IDLE_TIMEOUT_MS };
  await Promise.all([inTurn(), ...beside.map((file) => runApart(file, idle, tally))]);
  process.stdout.write(lastLines(tally));
  return tally.failed === 0 && tally.passed > 0;
}
