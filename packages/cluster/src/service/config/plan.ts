/** From a document and the present state to the changes that lead there, each with a sentence for the operator. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { EterneError, formatSize } from '@eterne/base';
import { unmaskDevices } from '../../fencing/secrets.ts';
import { applyConfigure } from '../../state/apply-configure.ts';
import type { ConfigChange, ConfigureCommand, Stamp } from '../../state/commands.ts';
import { LEVELS } from '../../state/levels.ts';
import type {
  ClusterState,
  ConsensusSpec,
  GroupSpec,
  HeartbeatDisk,
  MemberPlace,
  Quantities,
  ReplicaSpec,
  VolumeSpec,
} from '../../state/model.ts';
import type { PlanStep } from '../facade.ts';
import { formatQuantity } from '../../state/capacity.ts';
import { devicesOf, partPlaces } from '../../state/parts.ts';
import { losses, samePlace, type Losses } from '../../state/places.ts';
import type { ConfigDocument, NodeSettings } from './document.ts';
import { newMistake } from './mistakes.ts';
import { withSecrets } from './secrets.ts';

export interface Plan {
  readonly changes: readonly ConfigChange[];
  readonly steps: readonly PlanStep[];
  /** Members that lose paths by it, with those that they keep. */
  readonly losses: readonly Losses[];
}

interface Planned {
  readonly change: ConfigChange;
  readonly step: PlanStep;
}

/** Throws what applying it would be refused with. */
export function planDocument(state: ClusterState, document: ConfigDocument, levels = LEVELS): Plan {
  const planned = [
    planCluster(state, document.cluster),
    ...document.nodes.map((node) => planNode(state, node)),
    ...document.volumes.map((volume) => planVolume(state, volume)),
    ...document.groups.map((group) => planGroup(state, group)),
  ].filter((item) => item !== undefined);
  const plan = {
    changes: planned.map(({ change }) => change),
    steps: planned.map(({ step }) => step),
    losses: [],
  };
  const command = configureCommand(state, plan, { atMs: 0 });
  const early = levels.refusal(state, command);
  if (early) throw early;
  const { refused, state: after } = applyConfigure(state, command);
  if (refused) throw new EterneError(refused.code, refused.message);
  const mistake = newMistake(state, after);
  if (mistake !== undefined) throw new EterneError('config', mistake);
  const lost = losses(state, after);
  return { ...plan, steps: plan.steps.map((step) => withWarnings(step, lost)), losses: lost };
}

export function configureCommand(
  state: ClusterState,
  plan: Pick<Plan, 'changes'>,
  stamp: Stamp,
): Stamp & ConfigureCommand {
  return { kind: 'configure', changes: plan.changes, revision: state.revision, ...stamp };
}

function planCluster(state: ClusterState, change: ConfigDocument['cluster']): Planned | undefined {
  const known = state.config.fencing;
  const fencing = unmaskDevices(change?.fencing ?? known, known);
  const disks = change?.heartbeatDisks ?? state.config.heartbeatDisks;
  const heartbeatDisks = disks.map((disk) => knownDisk(state, disk));
  const config = { ...state.config, ...change, fencing, heartbeatDisks };
  if (isDeepStrictEqual(config, state.config)) return undefined;
  const keys = Object.keys(change ?? {}).join(', ');
  return {
    change: { kind: 'cluster', config },
    step: {
      action: 'change',
      subject: 'cluster',
      name: state.cluster,
      sentence: `Change ${keys} of the cluster.${logSentence(state, config.consensus)}`,
    },
  };
}

/** A disk that is in use already keeps its id. */
function knownDisk({ config }: ClusterState, disk: HeartbeatDisk): HeartbeatDisk {
  return config.heartbeatDisks.find(({ device }) => isDeepStrictEqual(device, disk.device)) ?? disk;
}

function logSentence({ log }: ClusterState, { engine }: ConsensusSpec): string {
  if (engine === log.consensus.engine) return '';
  return ` The log stays with ${log.consensus.engine} until \`eterne cluster migrate-log --to ${engine}\`.`;
}

function planNode(state: ClusterState, given: NodeSettings): Planned | undefined {
  const { name } = given;
  const member = state.members[name] ?? NOBODY;
  const { capacity = member.capacity } = given;
  const place = { addresses: given.addresses ?? member.addresses, api: given.api ?? member.api };
  const hasMoved = !samePlace(place, member);
  const hasChanged = !isDeepStrictEqual(member.capacity, capacity) || member === NOBODY;
  if (!hasMoved && !hasChanged) return undefined;
  const sentence = [
    ...(hasChanged ? [capacitySentence(name, capacity)] : []),
    ...(hasMoved ? [placeSentence(name, member, place)] : []),
  ].join(' ');
  return {
    change: { kind: 'node-put', name, capacity, ...(hasMoved ? { place } : {}) },
    step: { action: 'change', subject: 'node', name, sentence },
  };
}

/** A name that is no member's: what is refused with. */
const NOBODY = { capacity: {}, addresses: [], api: '' };

function capacitySentence(name: string, capacity: Quantities): string {
  const amounts = Object.entries(capacity).map(
    ([quantity, amount]) => `${formatQuantity(amount)} of ${quantity}`,
  );
  return `Count on ${name} having ${amounts.length === 0 ? 'no stated capacity' : amounts.join(', ')}.`;
}

function placeSentence(name: string, before: MemberPlace, after: MemberPlace): string {
  const added = after.addresses.filter((address) => !before.addresses.includes(address));
  const gone = before.addresses.filter((address) => !after.addresses.includes(address));
  return [
    ...(added.length > 0 ? [`Reach ${name} at ${added.join(', ')} too: it has to have that address.`] : []),
    ...(gone.length > 0 ? [`Leave ${gone.join(', ')} of ${name}.`] : []),
    ...(added.length + gone.length === 0 && after.addresses.join() !== before.addresses.join()
      ? [`Pair the addresses of ${name} in another order: ${after.addresses.join(', ')}.`]
      : []),
    ...(after.api === before.api
      ? []
      : [`Serve the API of ${name} at ${after.api} instead of ${before.api}.`]),
  ].join(' ');
}

/** Of a node's step that leaves an address: with whom it keeps a single one of its paths. */
function withWarnings(step: PlanStep, lost: readonly Losses[]): PlanStep {
  if (step.subject !== 'node') return step;
  const warnings = lost
    .filter(({ a, b, kept, leaves }) => leaves && kept.length === 1 && [a, b].includes(step.name))
    .map(
      ({ a, b, kept: [way] }) =>
        ` Only ${way?.local} – ${way?.remote} of what joins ${a} and ${b} now stays.`,
    );
  return { ...step, sentence: step.sentence + warnings.join('') };
}

function planVolume(state: ClusterState, given: VolumeSpec): Planned | undefined {
  const present = state.volumes[given.name]?.spec;
  const spec = withSecrets(given, present);
  if (isDeepStrictEqual(present, spec)) return undefined;
  const where = spec.replicas.map(placeOf).join(', ');
  const sentence = present ? changeSentence(present, spec) : createSentence(spec, where);
  const step = {
    action: present ? 'change' : 'create',
    subject: 'volume',
    name: spec.name,
    sentence,
  } as const;
  return { change: { kind: 'volume-put', spec }, step };
}

function createSentence(spec: VolumeSpec, where: string): string {
  const { joined, name, replicas } = spec;
  if (joined === undefined)
    return `Create volume ${name} of ${sizesOf(spec)} on ${where}; what is there now is overwritten.`;
  const nodes = replicas.map(({ node }) => node).join(', ');
  return `Create volume ${name} of ${sizesOf(spec)} on ${where}: ${nodes} serve it from all of ${joined.devices.join(', ')}; what is there now is overwritten, unless it is this volume.`;
}

const placeOf = (replica: ReplicaSpec): string => `${devicesOf(replica).join(' and ')} on ${replica.node}`;

function sizesOf(spec: VolumeSpec): string {
  if (spec.parts.length === 0) return formatSize(spec.sizeBytes);
  const parts = partPlaces(spec, spec.sizeBytes).map(
    ({ part, sizeBytes }) => `${part.name} ${formatSize(sizeBytes)}`,
  );
  return `${formatSize(spec.sizeBytes)} (${parts.join(', ')})`;
}

function changeSentence(present: VolumeSpec, spec: VolumeSpec): string {
  const names = (volume: VolumeSpec): readonly string[] => volume.replicas.map(({ node }) => node);
  const added = spec.replicas.filter(({ node }) => !names(present).includes(node));
  const removed = names(present).filter((node) => !names(spec).includes(node));
  return [
    spec.sizeBytes > present.sizeBytes
      ? `Grow volume ${spec.name} to ${formatSize(spec.sizeBytes)} on every replica, while it is in use.`
      : `Change volume ${spec.name}.`,
    ...added.map((replica) =>
      spec.joined === undefined
        ? `Copy it to ${placeOf(replica)}; what is there now is overwritten.`
        : `Let ${replica.node} serve it, too, from ${devicesOf(replica).join(' and ')}.`,
    ),
    ...removed.map((node) =>
      spec.joined === undefined
        ? `Take out the replica on ${node}; its device is left as it is.`
        : `Have ${node} leave its devices alone.`,
    ),
  ].join(' ');
}

function planGroup(state: ClusterState, spec: GroupSpec): Planned | undefined {
  const present = state.groups[spec.name]?.spec;
  if (isDeepStrictEqual(present, spec)) return undefined;
  const resources = spec.resources.map(({ name }) => name).join(', ');
  const sentence = present
    ? `Change group ${spec.name}.`
    : `Create group ${spec.name} (${resources}) and start it, preferably on ${spec.nodes[0]}.`;
  const step = {
    action: present ? 'change' : 'create',
    subject: 'group',
    name: spec.name,
    sentence,
  } as const;
  return { change: { kind: 'group-put', spec }, step };
}
