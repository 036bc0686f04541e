/** What the wizards make: fragments of the configuration document (`eterne config apply`), and what is wrong with the answers so far. Pure. */

/** Where the data lies on each chosen node. */
export type Devices = Readonly<Record<string, string>>;

/** The volume's only disk, whose name counts for nothing, or one of its parts. */
export interface DiskAnswers {
  readonly name: string;
  readonly size: string;
  readonly devices: Devices;
}

/** More than one are parts, in their order. */
export type Disks = readonly [DiskAnswers, ...DiskAnswers[]];

export interface VolumeAnswers {
  readonly name: string;
  readonly mode: 'sync' | 'async';
  readonly initialSync: 'smart' | 'full' | 'none';
  readonly nodes: readonly string[];
  readonly disks: Disks;
}

export interface DiskDocument {
  readonly size: string;
  readonly replicas: Devices;
}

export interface VolumeEntry extends Partial<DiskDocument> {
  readonly name: string;
  readonly mode: string;
  readonly initialSync: string;
  readonly parts?: readonly ({ readonly name: string } & DiskDocument)[];
}

export function volumeDocument({ disks, ...answers }: VolumeAnswers): {
  readonly volumes: readonly [VolumeEntry];
} {
  const { mode, initialSync, nodes } = answers;
  const name = answers.name.trim();
  const documentOf = ({ size, devices }: DiskAnswers): DiskDocument => ({
    size: size.trim(),
    replicas: Object.fromEntries(nodes.map((node) => [node, (devices[node] ?? '').trim()])),
  });
  if (disks.length === 1) {
    const { size, replicas } = documentOf(disks[0]);
    return { volumes: [{ name, size, mode, initialSync, replicas }] };
  }
  const parts = disks.map((disk) => ({ name: disk.name.trim(), ...documentOf(disk) }));
  return { volumes: [{ name, mode, initialSync, parts }] };
}

export type Problem =
  | 'nameMissing'
  | 'nameWrong'
  | 'nameTaken'
  | 'sizeWrong'
  | 'partNameWrong'
  | 'partNameTwice'
  | 'twoReplicas'
  | 'deviceMissing'
  | 'deviceRelative';

/** As the cluster's own rules. */
const PART_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_]{0,31}$/;
export const MAX_PARTS = 16;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;
const SIZE = /^[1-9][0-9]*\s*(B|KiB|MiB|GiB|TiB)?$/;
const MIN_REPLICAS = 2;

export function nameProblem(name: string, taken: readonly string[]): Problem | null {
  const trimmed = name.trim();
  if (trimmed === '') return 'nameMissing';
  if (!NAME.test(trimmed)) return 'nameWrong';
  return taken.includes(trimmed) ? 'nameTaken' : null;
}

export function sizeProblem(size: string): Problem | null {
  return SIZE.test(size.trim()) ? null : 'sizeWrong';
}

export function withDisk(disks: Disks, index: number, change: Partial<DiskAnswers>): Disks {
  const changed = (disk: DiskAnswers, at: number): DiskAnswers =>
    at === index ? { ...disk, ...change } : disk;
  const [first, ...more] = disks;
  return [changed(first, 0), ...more.map((disk, at) => changed(disk, at + 1))];
}

/** Of the name of the part at `index`. */
export function partNameProblem(disks: readonly DiskAnswers[], index: number): Problem | null {
  const names = disks.map(({ name }) => name.trim());
  const name = names[index] ?? '';
  if (!PART_NAME.test(name)) return 'partNameWrong';
  return names.indexOf(name) < index ? 'partNameTwice' : null;
}

/** Of the name and the sizes; the places are asked for on a page of their own. */
export function isVolumeDescribed({ name, disks }: VolumeAnswers, taken: readonly string[]): boolean {
  return (
    nameProblem(name, taken) === null &&
    disks.every(({ size }) => sizeProblem(size) === null) &&
    (disks.length === 1 || disks.every((_, index) => partNameProblem(disks, index) === null))
  );
}

export function placesProblem({ nodes, disks }: Pick<VolumeAnswers, 'nodes' | 'disks'>): Problem | null {
  if (nodes.length < MIN_REPLICAS) return 'twoReplicas';
  const paths = disks.flatMap(({ devices }) => nodes.map((node) => (devices[node] ?? '').trim()));
  if (paths.includes('')) return 'deviceMissing';
  const isPlace = (path: string): boolean => path.startsWith('/') || /^[a-z+]+:\/\//.test(path);
  return paths.every(isPlace) ? null : 'deviceRelative';
}
