/**
 * What a run is to have met: every row of the handshake, and a death at every point where the order of writes matters. Counted while seeds run,
 * and printed with what was never met.
 */
import type { ScenarioName } from './options.ts';

export const DISK_OPERATIONS = [
  'read data',
  'write data',
  'flush data',
  'write activity log',
  'write bitmap',
  'write superblock',
  'flush metadata',
] as const;

type DiskOperation = (typeof DISK_OPERATIONS)[number];

const PRIMARY: readonly DiskOperation[] = DISK_OPERATIONS;
const RECEIVER: readonly DiskOperation[] = ['write data', 'flush data', 'write superblock', 'flush metadata'];

/** What a volume is doing when its process dies, and before which operations it may. */
const OPERATIONS: Readonly<Record<string, readonly DiskOperation[]>> = {
  'primary Off': PRIMARY,
  'primary Established': PRIMARY,
  'primary SyncSource': PRIMARY,
  'secondary Off': ['write superblock', 'flush metadata'],
  'secondary Established': RECEIVER,
  'secondary SyncTarget': [...RECEIVER, 'write bitmap'],
};

export interface CrashPoint {
  readonly activity: string;
  readonly operation: DiskOperation;
}

/** The same of two replicas of which the one that serves is not whole yet, and reads what it lacks from the other. */
const BORROWING_OPERATIONS: Readonly<Record<string, readonly DiskOperation[]>> = {
  'primary SyncTarget': PRIMARY.filter((operation) => operation !== 'read data'),
  'secondary SyncSource': [...RECEIVER, 'read data', 'write bitmap'],
};

export const CRASH_POINTS = pointsOf(OPERATIONS);
export const BORROWING_CRASH_POINTS = pointsOf(BORROWING_OPERATIONS);

function pointsOf(operations: Readonly<Record<string, readonly DiskOperation[]>>): readonly CrashPoint[] {
  return Object.entries(operations).flatMap(([activity, before]) =>
    before.map((operation) => ({ activity, operation })),
  );
}

/** Of `docs/internals/handshake.md`, those that replicas under one arbiter can come to. */
const ROWS = [
  '4',
  '5',
  '6',
  '7',
  '8',
  '8 wait',
  '10',
  '10 wait',
  '12',
  '13',
  '14 bitmap',
  '14 full',
  '15',
  '16',
];

/** An operator who does not wait for the end of a copy. */
export const BORROWED = 'promoted while copied to';
export const NOT_BORROWED = 'not promoted while copied to';

/** What a well equipped mirror is to have gone through. */
const SITUATIONS = [
  'growths',
  'growths refused or cut short',
  'metadata behind the data moved',
  'growths made up for at a meeting',
  'disks replaced',
  'disks detached',
  'disks attached to a primary',
  'disks attached to a secondary',
  'blocks altered on a disk with checksums',
  'blocks altered on a disk without',
  'altered blocks healed',
  'losses of a lying disk repaired',
  'blocks remapped',
  'trial: a verify of a busy volume finds nothing',
  'trial: a disk that lies loses power',
  'trial: one of several paths is lost',
  'trial: altered blocks are found and healed',
  'trial: every replica serves what was written',
  'trial: a hand-over in the middle of a copy',
  'hand-overs in the middle of a copy',
];

export function handshakeRow(row: string): string {
  return `handshake row ${row}`;
}

/** Two replicas as a crash of everything would leave them, judged by the same code. */
export function imaginedRow(row: string): string {
  return `imagined row ${row}`;
}

export function crashPoint(activity: string, operation: string): string {
  return `killed as ${activity} before ${operation}`;
}

type Tally = Readonly<Record<string, number>>;

/** How often each thing was met, and what never was. */
export interface Coverage {
  readonly sums: ReadonlyMap<string, number>;
  readonly neverMet: readonly string[];
}

export function coverageOf(scenario: ScenarioName, tallies: readonly Tally[]): Coverage {
  const sums = new Map<string, number>();
  for (const tally of tallies)
    for (const [what, count] of Object.entries(tally)) sums.set(what, (sums.get(what) ?? 0) + count);
  if (scenario === 'equipped') return { sums, neverMet: SITUATIONS.filter((what) => !sums.has(what)) };
  if (scenario === 'standalone') {
    const points = BORROWING_CRASH_POINTS.map(({ activity, operation }) => crashPoint(activity, operation));
    return { sums, neverMet: [BORROWED, NOT_BORROWED, ...points].filter((what) => !sums.has(what)) };
  }
  const rows = ROWS.filter((row) => !sums.has(handshakeRow(row)) && !sums.has(imaginedRow(row)));
  const points = CRASH_POINTS.map(({ activity, operation }) => crashPoint(activity, operation));
  return { sums, neverMet: [...rows.map(handshakeRow), ...points.filter((point) => !sums.has(point))] };
}

/** Lines for people. */
export function describeCoverage(scenario: ScenarioName, { sums, neverMet }: Coverage): readonly string[] {
  const never = `never met: ${neverMet.length === 0 ? 'nothing' : neverMet.join('; ')}`;
  if (scenario === 'equipped')
    return [`met: ${SITUATIONS.map((what) => `${what} ${sums.get(what) ?? 0}`).join(', ')}`, never];
  const counts = (prefix: string): string =>
    [...sums]
      .filter(([what]) => what.startsWith(prefix))
      .map(([what, count]) => `${what.slice(prefix.length)}: ${count}`)
      .toSorted()
      .join(', ');
  if (scenario === 'standalone')
    return [
      `replicas ${BORROWED}: ${sums.get(BORROWED) ?? 0}, ${NOT_BORROWED}: ${sums.get(NOT_BORROWED) ?? 0}`,
      `crash points: ${counts('killed as ')}`,
      never,
    ];
  const missed = neverMet.filter((what) => what.startsWith('killed as ')).length;
  return [
    `handshake rows: ${counts(handshakeRow(''))}`,
    `rows of imagined crashes: ${counts(imaginedRow(''))}`,
    `crash points: ${CRASH_POINTS.length - missed} of ${CRASH_POINTS.length} met: ${counts('killed as ')}`,
    `disks rolled back: ${sums.get('disks rolled back') ?? 0}`,
    never,
  ];
}
