/** What the wizards make: fragments of the configuration document (`eterne config apply`), and what is wrong with the answers so far. Pure. */

/** One replica: where the data lies on that node. */
export type Devices = Readonly<Record<string, string>>;

export interface VolumeAnswers {
  readonly name: string;
  readonly size: string;
  readonly mode: 'sync' | 'async';
  readonly initialSync: 'smart' | 'full' | 'none';
  readonly devices: Devices;
}

export interface VolumeDocument {
  readonly volumes: readonly [
    {
      readonly name: string;
      readonly size: string;
      readonly mode: string;
      readonly initialSync: string;
      readonly replicas: Devices;
    },
  ];
}

export function volumeDocument({ devices, ...answers }: VolumeAnswers): VolumeDocument {
  const replicas = Object.fromEntries(Object.entries(devices).map(([node, path]) => [node, path.trim()]));
  return { volumes: [{ ...answers, name: answers.name.trim(), size: answers.size.trim(), replicas }] };
}

export type Problem =
  | 'nameMissing'
  | 'nameWrong'
  | 'nameTaken'
  | 'sizeWrong'
  | 'twoReplicas'
  | 'deviceMissing'
  | 'deviceRelative';

/** As the cluster's own rule for names. */
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

export function devicesProblem(devices: Devices): Problem | null {
  const paths = Object.values(devices).map((path) => path.trim());
  if (paths.length < MIN_REPLICAS) return 'twoReplicas';
  if (paths.includes('')) return 'deviceMissing';
  const isPlace = (path: string): boolean => path.startsWith('/') || /^[a-z+]+:\/\//.test(path);
  return paths.every(isPlace) ? null : 'deviceRelative';
}
