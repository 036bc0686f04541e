/**
 * What a run counted, and its last lines, which say so: a run of one file inside another is read by them, and whoever sees but the end of a
 * log knows from them what failed.
 * ```
 *   failed FILE: NAME: first line of the error        one for each
 *   N passed, N failed, N skipped
 * ```
 */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** One line for each that failed. */
  failures: string[];
}

export const emptyTally = (): Tally => ({ passed: 0, failed: 0, skipped: 0, failures: [] });

const LINE_CHARACTERS = 240;

/** Of a message like `Expected values to be strictly equal:` the next line is the one that says something. */
function shortOf(message: string): string {
  const [first = 'no reason given', second] = message.split('\n').filter((line) => line.trim() !== '');
  return first.endsWith(':') && second !== undefined ? `${first} ${second.trim()}` : first;
}

export function countFailure(tally: Tally, what: string, message: string): void {
  tally.failed += 1;
  const line = `${what}: ${shortOf(message)}`.replaceAll('\n', ' ');
  tally.failures.push(line.length > LINE_CHARACTERS ? `${line.slice(0, LINE_CHARACTERS - 1)}…` : line);
}

export function addTally(own: Tally, to: Tally): void {
  to.passed += own.passed;
  to.failed += own.failed;
  to.skipped += own.skipped;
  to.failures.push(...own.failures);
}

export function lastLines({ passed, failed, skipped, failures }: Tally): string {
  const list = failures.map((line) => `failed ${line}\n`).join('');
  return `${list}${passed} passed, ${failed} failed, ${skipped} skipped\n`;
}

/** Undefined: `output` does not have them. `rest` is all but them. */
export function readLastLines(output: string): { readonly tally: Tally; readonly rest: string } | undefined {
  const found = /((?:^failed .*\n)*)^(\d+) passed, (\d+) failed, (\d+) skipped\n/m.exec(output);
  if (found === null) return undefined;
  const [whole, list = '', ...counts] = found;
  const [passed, failed, skipped] = counts.map(Number) as [number, number, number];
  const failures = list
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice('failed '.length));
  return { tally: { passed, failed, skipped, failures }, rest: output.replace(whole, () => '') };
}
