/** Changes of configuration, volumes and groups: all of one entry, or none. */
import { isDeepStrictEqual } from 'node:util';
import { formatSize, unreachable } from '@eterne/base';
import type { ConfigChange, ConfigureCommand, Stamp } from './commands.ts';
import type {
  ClusterState,
  ConsensusSpec,
  GroupSpec,
  GroupState,
  Profile,
  VolumeSpec,
  VolumeState,
} from './model.ts';
import { sortedValues } from './model.ts';
import { stoppedResources } from './groups.ts';
import { grantorOf } from './apply-half.ts';
import { AVAILABILITY_LEVEL, LIVES_LEVEL, olderThan, WAN_LEVEL } from './levels.ts';
import { withHeartSlots } from './heart-slots.ts';
import type { Outcome, Refusal } from './outcome.ts';
import { accepted, noSuch, refuse, withEvent } from './outcome.ts';
import { devicesOf, sameLayout } from './parts.ts';
import { copiesOf, joinedChangeRefusal } from './joined.ts';
import { without } from './records.ts';
import { volumesOf } from './references.ts';
import { brokenPlace, samePlace } from './places.ts';
import { brokenRule } from './rules.ts';

type NodePut = Extract<ConfigChange, { kind: 'node-put' }>;

export function applyConfigure(state: ClusterState, command: Stamp & ConfigureCommand): Outcome {
  if (command.revision !== state.revision)
    return refuse(state, 'conflict', 'the configuration was changed by somebody else; plan again');
  let next: ClusterState = { ...state, revision: state.revision + 1 };
  for (const change of command.changes) {
    const refused = changeRefusal(state, change);
    if (refused) return { state, refused };
    next = withEvent(applyChange(next, change), command, describe(state, change));
  }
  const broken = brokenPlace(state, next) ?? brokenRule(next);
  return broken === undefined ? accepted(next) : refuse(state, 'config', broken);
}

/** What may not be changed while it is in use. */
function changeRefusal(state: ClusterState, change: ConfigChange): Refusal | undefined {
  switch (change.kind) {
    case 'cluster':
      return (
        editionRefusal(state, change.config.edition) ??
        consensusRefusal(state, change.config.consensus) ??
        profileRefusal(state, change.config.profile) ??
        preferRefusal(state, change.config)
      );
    case 'node-put':
      return nodeRefusal(state, change);
    case 'volume-put':
      return volumeChangeRefusal(state, state.volumes[change.spec.name], change.spec);
    case 'volume-delete':
      return volumeDeleteRefusal(state, change.name);
    case 'group-put':
      return groupChangeRefusal(state.groups[change.spec.name], change.spec);
    case 'group-delete':
      return groupDeleteRefusal(state, change.name);
    default:
      return unreachable(change);
  }
}

function nodeRefusal(state: ClusterState, { name, capacity, place }: NodePut): Refusal | undefined {
  const member = state.members[name];
  const hasRoom = member?.role === 'node' || Object.keys(capacity).length === 0;
  if (member?.role === 'node' || (member && place !== undefined && hasRoom)) return undefined;
  return { code: 'config', message: `${name} is ${member ? 'a witness' : 'not a node of this cluster'}` };
}

function editionRefusal(state: ClusterState, edition: string): Refusal | undefined {
  const nodes = sortedValues(state.members).filter((member) => member.role === 'node').length;
  if (edition === 'ha' && nodes > 2)
    return { code: 'refused', message: `edition ha allows 2 nodes; this cluster has ${nodes}` };
  return undefined;
}

/** The word is older than what it does. */
function preferRefusal(state: ClusterState, { prefer }: ClusterState['config']): Refusal | undefined {
  if (prefer === 'consistency' || state.level >= AVAILABILITY_LEVEL) return undefined;
  return {
    code: 'needs-upgrade',
    message: `prefer: availability needs feature level ${AVAILABILITY_LEVEL}; upgrade ${olderThan(state, AVAILABILITY_LEVEL).join(', ')} first`,
  };
}

/** One change of what leases last at a time, so that it is known which may still be held. */
function profileRefusal(state: ClusterState, profile: Profile): Refusal | undefined {
  const { config, settling, log, level } = state;
  if (profile === config.profile) return undefined;
  if (level < WAN_LEVEL)
    return {
      code: 'needs-upgrade',
      message: `profile ${profile} needs feature level ${WAN_LEVEL}; upgrade ${olderThan(state, WAN_LEVEL).join(', ')} first`,
    };
  if (settling !== null)
    return {
      code: 'busy',
      message: `the change from profile ${settling.from} to ${config.profile} is not over yet`,
    };
  if (log.phase !== 'steady')
    return { code: 'busy', message: `the log is ${log.phase}: the profile can be changed when that is over` };
  return undefined;
}

/** While the log is in etcd another etcd would be another log. */
function consensusRefusal({ log }: ClusterState, consensus: ConsensusSpec): Refusal | undefined {
  if (log.consensus.engine === 'embedded' && log.to === null) return undefined;
  const kept = log.consensus.engine === 'etcd' ? log.consensus : log.to;
  if (isDeepStrictEqual(kept, consensus)) return undefined;
  return {
    code: 'refused',
    message: 'the log is kept in etcd: move it first (`eterne cluster migrate-log --to embedded`)',
  };
}

function volumeChangeRefusal(
  { level }: Pick<ClusterState, 'level'>,
  present: VolumeState | undefined,
  spec: VolumeSpec,
): Refusal | undefined {
  if (!present) return undefined;
  if (spec.sizeBytes < present.spec.sizeBytes)
    return {
      code: 'refused',
      message: `volume ${spec.name} has ${formatSize(present.spec.sizeBytes)}: to make it smaller would destroy what lies at its end`,
    };
  if (present.spec.mode !== spec.mode)
    return { code: 'unsupported', message: `volume ${spec.name}: its mode cannot be changed yet` };
  if (!sameLayout(present.spec, spec)) return layoutRefusal(present.spec, spec);
  const refused = joinedChangeRefusal(present, spec);
  if (refused !== undefined || spec.joined !== undefined) return refused;
  return (
    replicaChangeRefusal(present, spec) ?? (level < LIVES_LEVEL ? undefined : namesakeRefusal(present, spec))
  );
}

/** Whoever has gone is in the set until the primary says so, or is lost for certain: another one under that name would count as one that has everything (invariant 1). */
function namesakeRefusal({ inSyncSet, spec: before }: VolumeState, spec: VolumeSpec): Refusal | undefined {
  const former = inSyncSet.members.filter((member) => !copiesOf(before).includes(member));
  const namesake = copiesOf(spec).find((copy) => former.includes(copy));
  if (namesake === undefined) return undefined;
  return {
    code: 'busy',
    message: `volume ${spec.name}: the replica that was on ${namesake} has not been let go of yet; try again`,
  };
}

/** What lies behind a part would have to move with it. */
function layoutRefusal(present: VolumeSpec, { name, parts }: VolumeSpec): Refusal {
  const names = present.parts.map((part) => part.name);
  const areSame = isDeepStrictEqual(
    names,
    parts.map((part) => part.name),
  );
  const message = areSame
    ? `volume ${name}: only its last part, ${names.at(-1)}, can grow; the others have something behind them`
    : `volume ${name}: its parts, and their order, stay as they were made`;
  return { code: 'refused', message };
}

/** Replicas come and go while the volume runs; what is acknowledged must stay where it can be promoted. */
function replicaChangeRefusal(present: VolumeState, spec: VolumeSpec): Refusal | undefined {
  const { inSyncSet, primary } = present;
  const stays = (node: string): boolean => spec.replicas.some((replica) => replica.node === node);
  const moved = present.spec.replicas.find((before) =>
    spec.replicas.some(
      (replica) => replica.node === before.node && !isDeepStrictEqual(devicesOf(replica), devicesOf(before)),
    ),
  );
  if (moved)
    return {
      code: 'refused',
      message: `volume ${spec.name}: the replica on ${moved.node} is on ${devicesOf(moved).join(', ')}; take it out before it is put elsewhere`,
    };
  if (primary !== null && !stays(primary))
    return { code: 'refused', message: `volume ${spec.name} is served by ${primary}; move its group first` };
  if (inSyncSet.version > 0 && !inSyncSet.members.some(stays))
    return {
      code: 'refused',
      message: `volume ${spec.name}: none of the other replicas holds every acknowledged write`,
    };
  return undefined;
}

function volumeDeleteRefusal(state: ClusterState, name: string): Refusal | undefined {
  if (!state.volumes[name]) return noSuch('volume', name, state.volumes);
  const user = sortedValues(state.groups).find((group) => volumesOf(group.spec).includes(name));
  return user && { code: 'refused', message: `volume ${name} is used by group ${user.spec.name}` };
}

/** The owner runs what was configured when it started; so a running group keeps its resources. */
function groupChangeRefusal(present: GroupState | undefined, spec: GroupSpec): Refusal | undefined {
  if (!present || present.owner === null) return undefined;
  if (!isDeepStrictEqual(present.spec.resources, spec.resources))
    return { code: 'refused', message: `stop group ${spec.name} before changing its resources` };
  if (!spec.nodes.includes(present.owner))
    return { code: 'refused', message: `group ${spec.name} runs on ${present.owner}; move it away first` };
  return undefined;
}

function groupDeleteRefusal(state: ClusterState, name: string): Refusal | undefined {
  const group = state.groups[name];
  if (!group) return noSuch('group', name, state.groups);
  if (group.owner !== null || group.desired === 'started')
    return { code: 'refused', message: `stop group ${name} before deleting it` };
  return undefined;
}

function applyChange(state: ClusterState, change: ConfigChange): ClusterState {
  switch (change.kind) {
    case 'cluster':
      return withHeartSlots({
        ...withProfile(state, change.config.profile),
        config: { ...state.config, ...change.config },
      });
    case 'node-put':
      return putNode(state, change);
    case 'volume-put':
      return { ...state, volumes: { ...state.volumes, [change.spec.name]: putVolume(state, change.spec) } };
    case 'volume-delete':
      return { ...state, volumes: without(state.volumes, change.name) };
    case 'group-put':
      return { ...state, groups: { ...state.groups, [change.spec.name]: putGroup(state, change.spec) } };
    case 'group-delete':
      return { ...state, groups: without(state.groups, change.name) };
    default:
      return unreachable(change);
  }
}

function withProfile(state: ClusterState, profile: Profile): ClusterState {
  const from = state.config.profile;
  return profile === from ? state : { ...state, settling: { from, revision: state.revision } };
}

function putNode(state: ClusterState, { name, capacity, place }: NodePut): ClusterState {
  const member = state.members[name];
  return member
    ? { ...state, members: { ...state.members, [name]: { ...member, ...place, capacity } } }
    : state;
}

function putVolume(state: ClusterState, spec: VolumeSpec): VolumeState {
  const present = state.volumes[spec.name];
  if (present) return changedVolume(present, spec);
  return {
    spec,
    size: { originBytes: spec.sizeBytes, presentBytes: spec.sizeBytes },
    term: { number: 0, grantor: grantorOf(state) },
    primary: null,
    crashed: null,
    inSyncSet: { version: 0, members: [] },
    created: state.revision,
    summary: [],
    givenUp: null,
  };
}

/** A primary proposes the set without those that left, when it has let go of them; while there is none, nobody else would. */
function changedVolume(present: VolumeState, spec: VolumeSpec): VolumeState {
  if (spec.joined !== undefined) return { ...present, spec };
  const stays = (node: string): boolean => spec.replicas.some((replica) => replica.node === node);
  const { inSyncSet, primary, crashed } = present;
  const members = inSyncSet.members.filter(stays);
  const isReduced = primary === null && members.length < inSyncSet.members.length;
  return {
    ...present,
    spec,
    crashed: crashed !== null && stays(crashed) ? crashed : null,
    inSyncSet: isReduced ? { version: inSyncSet.version + 1, members } : inSyncSet,
    summary: present.summary.filter(({ node }) => stays(node)),
  };
}

/** A new group is to run at once, as its document says. */
function putGroup(state: ClusterState, spec: GroupSpec): GroupState {
  const present = state.groups[spec.name];
  if (present) return { ...present, spec };
  return {
    spec,
    desired: 'started',
    owner: null,
    epoch: 0,
    phase: 'stopped',
    reason: 'just created',
    resources: stoppedResources(spec),
    failures: [],
    move: null,
    displaced: false,
    maintenance: false,
    lastStartMs: null,
    lastStopMs: null,
    drill: null,
    strays: [],
  };
}

function describe(state: ClusterState, change: ConfigChange) {
  const level = 'info' as const;
  switch (change.kind) {
    case 'cluster': {
      const { profile } = change.config;
      if (profile === state.config.profile)
        return { level, code: 'config.changed', message: 'cluster settings changed' };
      return { level, code: 'cluster.profile', message: `the cluster goes by profile ${profile} now` };
    }
    case 'node-put':
      return describeNode(state, change);
    case 'volume-put': {
      const verb = state.volumes[change.spec.name] ? 'changed' : 'created';
      const { name } = change.spec;
      return { level, code: `volume.${verb}`, volume: name, message: `volume ${name} ${verb}` };
    }
    case 'volume-delete':
      return { level, code: 'volume.deleted', volume: change.name, message: `volume ${change.name} deleted` };
    case 'group-put': {
      const verb = state.groups[change.spec.name] ? 'changed' : 'created';
      const { name } = change.spec;
      return { level, code: `group.${verb}`, group: name, message: `group ${name} ${verb}` };
    }
    case 'group-delete':
      return { level, code: 'group.deleted', group: change.name, message: `group ${change.name} deleted` };
    default:
      return unreachable(change);
  }
}

function describeNode(state: ClusterState, { name, place }: NodePut) {
  const member = state.members[name];
  const hasMoved = place !== undefined && member !== undefined && !samePlace(place, member);
  return {
    level: 'info' as const,
    code: hasMoved ? 'node.addresses' : 'config.changed',
    node: name,
    message: hasMoved
      ? `${name} is at ${place.addresses.join(', ')} now, its API at ${place.api}`
      : `settings of ${name} changed`,
  };
}
