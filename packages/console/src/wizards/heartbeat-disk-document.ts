/** Disks that nodes beat on: from the answers to the list of all, which a document replaces as a whole, and what cannot be. Pure. */
import { atNode, type Configuration, type PerNode } from './configuration.ts';

export type DiskPlace = 'same' | 'each' | 'none';

export interface HeartbeatAnswers {
  /** Those that go, as `keyOf` names them. */
  readonly dropped: readonly string[];
  readonly place: DiskPlace;
  /** `same`. */
  readonly path: string;
  /** `each`: by the node; empty: it does not reach the disk. */
  readonly paths: Readonly<Record<string, string>>;
}

/** As the cluster's own rule. */
export const HEARTBEAT_DISKS_MAX = 4;
const NODES_MIN = 2;

export const disksOf = ({ cluster }: Configuration): readonly PerNode[] => cluster?.heartbeatDisks ?? [];
export const keyOf = (disk: PerNode): string => JSON.stringify(disk);

export function diskText(disk: PerNode): string {
  if (typeof disk === 'string') return disk;
  return Object.entries(disk)
    .map(([node, path]) => `${node} ${path}`)
    .join(', ');
}

export function firstAnswers(configuration: Configuration): HeartbeatAnswers {
  const isFull = disksOf(configuration).length === HEARTBEAT_DISKS_MAX;
  return { dropped: [], place: isFull ? 'none' : 'same', path: '', paths: {} };
}

export function heartbeatDocument(
  configuration: Configuration,
  answers: HeartbeatAnswers,
): { readonly cluster: { readonly heartbeatDisks: readonly PerNode[] } } {
  const kept = keptOf(configuration, answers);
  const added = diskIn(answers);
  return { cluster: { heartbeatDisks: added === null ? kept : [...kept, added] } };
}

function keptOf(configuration: Configuration, { dropped }: HeartbeatAnswers): readonly PerNode[] {
  return disksOf(configuration).filter((disk) => !dropped.includes(keyOf(disk)));
}

function diskIn({ path, paths, place }: HeartbeatAnswers): PerNode | null {
  if (place === 'none') return null;
  if (place === 'same') return path.trim();
  const reached = Object.entries(paths).map(([node, text]) => [node, text.trim()] as const);
  return Object.fromEntries(reached.filter(([, text]) => text !== ''));
}

export type HeartbeatProblem = 'four' | 'missing' | 'deviceRelative' | 'two' | 'here' | 'taken';

export function placeProblem(
  configuration: Configuration,
  answers: HeartbeatAnswers,
): HeartbeatProblem | null {
  const isFull = keptOf(configuration, answers).length >= HEARTBEAT_DISKS_MAX;
  return answers.place !== 'none' && isFull ? 'four' : null;
}

interface Nodes {
  /** Those of the cluster; a witness reaches no disk. */
  readonly nodes: readonly string[];
  /** Whose API answers: it looks at the disk, and marks it. */
  readonly here: string;
}

/** Of the one path for all nodes, or of that of `node`. */
export function pathProblem(
  configuration: Configuration,
  { nodes, here }: Nodes,
  answers: HeartbeatAnswers,
  node: string | null,
): HeartbeatProblem | null {
  const path = (node === null ? answers.path : (answers.paths[node] ?? '')).trim();
  if (path === '') return node === null ? 'missing' : node === here ? 'here' : null;
  if (!path.startsWith('/')) return 'deviceRelative';
  const kept = keptOf(configuration, answers);
  const reached = node === null ? nodes : [node];
  return reached.some((one) => isTaken(configuration, kept, one, path)) ? 'taken' : null;
}

function isTaken(
  { volumes = [] }: Configuration,
  kept: readonly PerNode[],
  node: string,
  path: string,
): boolean {
  const devices = volumes.flatMap(({ devices: shared = {}, nodes = [], parts = [], replicas = {} }) => [
    ...[replicas, ...parts.map((part) => part.replicas ?? {})].map((places) => places[node]),
    ...(nodes.includes(node) ? Object.values(shared).map((device) => atNode(device, node)) : []),
  ]);
  return [...kept.map((disk) => atNode(disk, node)), ...devices].includes(path);
}

/** Of all answers together. */
export function heartbeatProblem(
  configuration: Configuration,
  nodes: Nodes,
  answers: HeartbeatAnswers,
): HeartbeatProblem | null {
  if (answers.place === 'none') return null;
  const places = answers.place === 'same' ? [null] : nodes.nodes;
  const reached = answers.place === 'same' ? nodes.nodes : Object.keys(diskIn(answers) ?? {});
  const problems = places.map((node) => pathProblem(configuration, nodes, answers, node));
  return (
    placeProblem(configuration, answers) ??
    problems.find((problem) => problem !== null) ??
    (reached.length < NODES_MIN ? 'two' : null)
  );
}
