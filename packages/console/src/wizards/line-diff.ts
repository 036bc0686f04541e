/** What a text gains and loses, line by line, with a little of what surrounds it. Pure. */
export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed' | 'gap';
  /** Empty of a gap. */
  readonly text: string;
}

const CONTEXT = 2;

export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const lines = everyLine(linesOf(before), linesOf(after));
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ kind }) => kind !== 'same'),
  );
  return lines.flatMap((line, at): readonly DiffLine[] => {
    if (isNear[at] === true) return [line];
    return at > 0 && isNear[at - 1] !== true ? [] : [{ kind: 'gap', text: '' }];
  });
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');

/** By the longest common subsequence: documents have hundreds of lines, not millions. */
function everyLine(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const common = commonLengths(before, after);
  const lines: DiffLine[] = [];
  let [from, to] = [0, 0];
  while (from < before.length || to < after.length) {
    const [old, fresh] = [before[from], after[to]];
    if (old !== undefined && old === fresh) {
      lines.push({ kind: 'same', text: old });
      [from, to] = [from + 1, to + 1];
    } else if (fresh === undefined || lengthAt(common, from + 1, to) >= lengthAt(common, from, to + 1)) {
      lines.push({ kind: 'removed', text: old ?? '' });
      from += 1;
    } else {
      lines.push({ kind: 'added', text: fresh });
      to += 1;
    }
  }
  return lines;
}

/** `[from][to]`: of what is left from there on. Past an end nothing is: -1 beyond it, so that the other side is used up first. */
function commonLengths(before: readonly string[], after: readonly string[]): readonly (readonly number[])[] {
  const rows: number[][] = Array.from({ length: before.length + 1 }, () =>
    Array.from({ length: after.length + 1 }, () => 0),
  );
  for (let from = before.length - 1; from >= 0; from -= 1)
    for (let to = after.length - 1; to >= 0; to -= 1) {
      const row = rows[from] ?? [];
      row[to] =
        before[from] === after[to]
          ? lengthAt(rows, from + 1, to + 1) + 1
          : Math.max(lengthAt(rows, from + 1, to), lengthAt(rows, from, to + 1));
    }
  return rows;
}

function lengthAt(rows: readonly (readonly number[])[], from: number, to: number): number {
  return rows[from]?.[to] ?? -1;
}
