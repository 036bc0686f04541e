/**
 * What a run is to have met: every row of the handshake, and a death at every point where the order of writes matters. Counted while seeds run,
 * and printed with what was never met.
 */

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
const CRASH_POINTS: Readonly<Record<string, readonly DiskOperation[]>> = {
  'primary Off': PRIMARY,
  'primary Established': PRIMARY,
  'primary SyncSource': PRIMARY,
  'secondary Off': ['write superblock', 'flush metadata'],
  'secondary Established': RECEIVER,
  'secondary SyncTarget': [...RECEIVER, 'write bitmap'],
};

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

export function handshakeRow(row: string): string {
  return `handshake row ${row}`;
}

export function crashPoint(activity: string, operation: string): string {
  return `killed as ${activity} before ${operation}`;
}

type Tally = Readonly<Record<string, number>>;

/** Lines for people. */
export function describeTallies(tallies: readonly Tally[]): readonly string[] {
  const sums = new Map<string, number>();
  for (const tally of tallies)
    for (const [what, count] of Object.entries(tally)) sums.set(what, (sums.get(what) ?? 0) + count);
  const crashPoints = Object.entries(CRASH_POINTS).flatMap(([activity, operations]) =>
    operations.map((operation) => crashPoint(activity, operation)),
  );
  const met = crashPoints.filter((point) => sums.has(point));
  const neverMet = [...ROWS.map(handshakeRow), ...crashPoints].filter((what) => !sums.has(what));
  const rows = [...sums].filter(([what]) => what.startsWith(handshakeRow('')));
  return [
    `handshake rows: ${rows.map(([what, count]) => `${what.slice(handshakeRow('').length)}: ${count}`).join(', ')}`,
    `crash points: ${met.length} of ${crashPoints.length} met; disks rolled back: ${sums.get('disks rolled back') ?? 0}`,
    `never met: ${neverMet.length === 0 ? 'nothing' : neverMet.join('; ')}`,
  ];
}
