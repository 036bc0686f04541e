/** Runs libiscsi's `iscsi-test-cu` and reads its verdicts. */
import { execFile, execFileSync } from 'node:child_process';

export type Verdict = 'passed' | 'failed' | 'skipped';

const INSTALLED = 'iscsi-test-cu';

/** Families in the order of their names, but MultipathIO first: it expects zeroes that other families overwrite. */
export function families(program = INSTALLED): readonly string[] {
  const names = new Set(listed(program).filter((line) => /^ALL\.[A-Za-z0-9]+$/.test(line)));
  return [...names].sort(
    (a, b) => Number(b === 'ALL.MultipathIO') - Number(a === 'ALL.MultipathIO') || (a < b ? -1 : 1),
  );
}

/** The tests of a family, each to be run by itself. */
export const testsOf = (family: string, program = INSTALLED): readonly string[] => [
  ...new Set(listed(program).filter((line) => line.startsWith(`${family}.`))),
];

const listed = (program: string): readonly string[] =>
  execFileSync(program, ['--list'], { encoding: 'utf8' }).split('\n');

export interface SuiteOptions {
  readonly program?: string;
  readonly timeoutMs?: number;
}

/** One family, or one test of it, in a process of its own, with two paths to the LUN. Verdicts by `Family.Test`. */
export async function runFamily(
  family: string,
  uri: string,
  { program = INSTALLED, timeoutMs = 180_000 }: SuiteOptions = {},
): Promise<Map<string, Verdict>> {
  const options = ['--dataloss', '--allow-sanitize', '-V', '-t', family, uri, uri];
  const output = await new Promise<string>((resolve) => {
    execFile(program, options, { maxBuffer: 1 << 28, timeout: timeoutMs }, (_error, stdout, stderr) =>
      resolve(`${stdout}\n${stderr}`),
    );
  });
  return verdicts(family.split('.')[1] ?? family, output);
}

/** CUnit counts a skipped test as passed, so `[SKIPPED]` in what it printed decides. */
function verdicts(family: string, output: string): Map<string, Verdict> {
  const found = new Map<string, Verdict>();
  let current: string | undefined;
  for (const line of output.split('\n')) {
    const started = / {2}Test: (\S+) \.\.\./.exec(line)?.[1];
    if (started !== undefined) {
      current = `${family}.${started}`;
      found.set(current, 'passed');
    }
    if (current === undefined) continue;
    if (/(^|\.\.\.)FAILED\s*$/.test(line)) found.set(current, 'failed');
    else if (line.includes('[SKIPPED]') && found.get(current) !== 'failed') found.set(current, 'skipped');
  }
  // A family that prints no verdict at all (a crash, a refused login) must not count as well.
  if (found.size === 0) found.set(`${family}.*`, 'failed');
  return found;
}

export const noVerdict = (family: string, found: ReadonlyMap<string, Verdict>): boolean =>
  found.has(`${family.split('.')[1] ?? family}.*`);
