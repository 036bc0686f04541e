/** Members of the cluster: who they are, whether they are there, what the operator wants of them. */
import { unreachable } from '@eterne/base';
import type { MemberCommand, Stamp } from './commands.ts';
import { withHeartSlots } from './heart-slots.ts';
import type { Alone, ClusterState, HeartbeatDisk, Member, MemberSpec } from './model.ts';
import { sortedValues } from './model.ts';
import { freeGroupsOf } from './groups.ts';
import type { Outcome } from './outcome.ts';
import { LIVES_LEVEL } from './levels.ts';
import { accepted, noSuch, refuse, withEvent } from './outcome.ts';
import { without } from './records.ts';
import { TROUBLES_MAX, type Trouble } from './watch.ts';

export const MEMBERS_MAX = 64;
const NODES_MAX = { ha: 2, cluster: 32 } as const;

type Of<Kind extends MemberCommand['kind']> = Stamp & Extract<MemberCommand, { kind: Kind }>;

export function applyMember(state: ClusterState, command: Stamp & MemberCommand): Outcome {
  switch (command.kind) {
    case 'bootstrap':
      return bootstrap(state, command);
    case 'member-add':
      return addMember(state, command);
    case 'member-remove':
      return removeMember(state, command);
    case 'node-mode':
      return setMode(state, command);
    case 'node-report':
      return reportNode(state, command);
    case 'node-watchdog':
      return setWatchdog(state, command);
    case 'node-troubles':
      return setTroubles(state, command);
    case 'node-leaving':
      return leaveNode(state, command);
    case 'node-presence':
      return setPresence(state, command);
    default:
      return unreachable(command);
  }
}

function newMember(spec: MemberSpec): Member {
  return {
    ...spec,
    mode: 'active',
    startId: '',
    incarnation: 0,
    pids: { service: null, monitor: null, heart: null, disk: null },
    watchdogMs: null,
    presence: 'unknown',
    sees: [],
    diskTroubles: [],
    capacity: {},
    troubles: [],
  };
}

function withMember(state: ClusterState, member: Member): ClusterState {
  return { ...state, members: { ...state.members, [member.name]: member } };
}

function bootstrap(state: ClusterState, command: Of<'bootstrap'>): Outcome {
  if (state.cluster !== '') return refuse(state, 'exists', `this is cluster ${state.cluster} already`);
  const { cluster, clusterId, member } = command;
  const named = { ...state, cluster, clusterId, level: member.level };
  return accepted(
    withEvent(withMember(named, newMember(member)), command, {
      level: 'info',
      code: 'cluster.created',
      node: member.name,
      message: `cluster ${cluster} created on ${member.name}`,
    }),
  );
}

function addMember(state: ClusterState, command: Of<'member-add'>): Outcome {
  const { member } = command;
  const known = state.members[member.name];
  const isInPlaceOf = known !== undefined && known.voterId !== member.voterId;
  if (isInPlaceOf && (known.presence !== 'lost' || isSeen(state, member.name)))
    return refuse(state, 'exists', `${member.name} is a member and not lost; choose another name`);
  if (isInPlaceOf && state.level >= LIVES_LEVEL && state.alone?.peer === member.name)
    return refuse(state, 'refused', mayBeAHalf(state.alone));
  const owned = sortedValues(state.groups).find((group) => group.owner === member.name);
  if (known?.voterId !== member.voterId && owned)
    return refuse(
      state,
      'refused',
      `group ${owned.spec.name} has not been taken from the former ${member.name} yet; try again`,
    );
  if (member.level < state.level) return refuseOlder(state, member);
  const refusal = memberLimit(state, member);
  if (refusal !== undefined) return refuse(state, 'refused', refusal);
  const next = withHeartSlots(withMember(state, known ? { ...known, ...member } : newMember(member)));
  return accepted(
    withEvent(next, command, {
      level: 'info',
      code: 'node.joined',
      node: member.name,
      message: `${member.role} ${member.name} joined`,
    }),
  );
}

/** Invariant 4: it would never hear that another has its name, and run its groups on; only an operator's word rules that out (service/pair/removal.ts). */
function mayBeAHalf({ node, peer }: Alone): string {
  return `${peer} may have gone on alone as ${node} has: it is removed first, with the word that it is off (\`eterne node remove ${peer} --confirm-stopped\`)`;
}

function refuseOlder(state: ClusterState, { name, level }: Pick<Member, 'name' | 'level'>): Outcome {
  return refuse(
    state,
    'needs-upgrade',
    `the cluster uses feature level ${state.level}, and the program of ${name} knows ${level}`,
  );
}

/** Why there is no room for it. */
export function memberLimit(
  state: Pick<ClusterState, 'config' | 'members'>,
  member: MemberSpec,
): string | undefined {
  const others = sortedValues(state.members).filter((other) => other.name !== member.name);
  const taken = others.find((other) => other.addresses.some((address) => member.addresses.includes(address)));
  if (taken) return `${taken.name} has one of these addresses already`;
  if (others.length >= MEMBERS_MAX) return `a cluster has at most ${MEMBERS_MAX} members`;
  const nodes = others.filter((other) => other.role === 'node').length;
  const max = NODES_MAX[state.config.edition];
  if (member.role === 'node' && nodes >= max) return `edition ${state.config.edition} allows ${max} nodes`;
  return undefined;
}

function removeMember(state: ClusterState, command: Of<'member-remove'>): Outcome {
  const { name } = command;
  if (!state.members[name]) return { state, refused: noSuch('node', name, state.members) };
  const group = sortedValues(state.groups).find(
    (other) => other.owner === name || other.spec.nodes.includes(name),
  );
  if (group) return refuse(state, 'refused', `group ${group.spec.name} still uses ${name}`);
  const volume = sortedValues(state.volumes).find((other) =>
    other.spec.replicas.some((replica) => replica.node === name),
  );
  if (volume) return refuse(state, 'refused', `volume ${volume.spec.name} still has a replica on ${name}`);
  const stray = strayOn(state, name);
  if (stray !== undefined && state.level >= LIVES_LEVEL) return refuse(state, 'refused', stray);
  if (Object.keys(state.members).length === 1) return refuse(state, 'refused', `${name} is the last member`);
  const config = {
    ...state.config,
    fencing: state.config.fencing.filter(({ node }) => node !== name),
    heartbeatDisks: state.config.heartbeatDisks.map((disk) => withoutNode(disk, name)),
  };
  const next = withHeartSlots({
    ...state,
    config,
    members: without(state.members, name),
    fences: without(state.fences, name),
  });
  return accepted(
    withEvent(next, command, {
      level: 'info',
      code: 'node.removed',
      node: name,
      message: `${name} removed`,
    }),
  );
}

/** Its record would stay for ever, and keep the group from everybody: only this node's own word, or the end of its life, takes it back. */
function strayOn({ groups }: ClusterState, node: string): string | undefined {
  for (const { spec, strays } of sortedValues(groups)) {
    const stray = strays.find((other) => other.node === node);
    if (stray)
      return `${stray.resources.join(', ')} of group ${spec.name} was found on ${node}: stop it there, or say that ${node} is off (\`eterne node confirm-stopped ${node}\`)`;
  }
  return undefined;
}

function withoutNode(disk: HeartbeatDisk, node: string): HeartbeatDisk {
  return typeof disk.device === 'string' ? disk : { ...disk, device: without(disk.device, node) };
}

function setMode(state: ClusterState, command: Of<'node-mode'>): Outcome {
  const member = state.members[command.name];
  if (!member) return { state, refused: noSuch('node', command.name, state.members) };
  if (member.role === 'witness')
    return refuse(state, 'refused', `${command.name} is a witness; it only votes`);
  if (member.mode === command.mode) return accepted(state);
  return accepted(
    withEvent(withMember(state, { ...member, mode: command.mode }), command, {
      level: 'info',
      code: `node.${command.mode}`,
      node: command.name,
      message: `${command.name} is ${command.mode}`,
    }),
  );
}

function reportNode(state: ClusterState, command: Of<'node-report'>): Outcome {
  const member = state.members[command.name];
  if (!member) return { state, refused: noSuch('node', command.name, state.members) };
  const { pids, level, sees = [], diskTroubles = [] } = command;
  if (level < state.level) return refuseOlder(state, { ...member, level });
  if (member.startId === command.startId)
    return reportLife(state, command, { ...member, pids, level, sees, diskTroubles });
  const { comesBack: _, ...known } = member;
  const started: Member = {
    ...known,
    startId: command.startId,
    incarnation: member.incarnation + 1,
    pids,
    level,
    sees,
    diskTroubles,
    watchdogMs: null,
    troubles: [],
    presence: 'online',
  };
  const next = withEvent(withMember(state, started), command, {
    level: 'info',
    code: 'node.started',
    node: command.name,
    message: `${command.name} started (incarnation ${started.incarnation})`,
  });
  // It has ended whatever an earlier life of it ran (`node/launcher.ts`), so its groups are free at once.
  const settled = { ...next, fences: without(next.fences, command.name) };
  return accepted(freeGroupsOf(settled, command, command.name, 'was restarted'));
}

/** The first that sees a node which is lost tells it in the timeline. */
function reportLife(state: ClusterState, command: Of<'node-report'>, member: Member): Outcome {
  const found = member.sees.filter((name) => state.members[name] && !isSeen(state, name));
  let next = withMember(state, member);
  for (const node of found)
    next = withEvent(next, command, {
      level: 'warning',
      code: 'node.cut-off',
      node,
      message: `${node} is cut off: ${member.name} sees it on a heartbeat disk, and no message reaches it`,
    });
  return accepted(next);
}

/** Somebody who is there sees it on a heartbeat disk. */
function isSeen({ members }: ClusterState, node: string): boolean {
  return Object.values(members).some(({ presence, sees }) => presence === 'online' && sees.includes(node));
}

function setWatchdog(state: ClusterState, command: Of<'node-watchdog'>): Outcome {
  const { name, startId, timeoutMs } = command;
  const member = state.members[name];
  if (member?.startId !== startId) return refuse(state, 'conflict', `${name} has been started again`);
  if (member.watchdogMs === timeoutMs) return accepted(state);
  return accepted(
    withEvent(withMember(state, { ...member, watchdogMs: timeoutMs }), command, {
      level: timeoutMs === null ? 'warning' : 'info',
      code: timeoutMs === null ? 'node.watchdog-off' : 'node.watchdog-armed',
      node: name,
      message:
        timeoutMs === null
          ? `${name} has no watchdog any more`
          : `the watchdog of ${name} is armed (${timeoutMs} ms)`,
    }),
  );
}

function setTroubles(state: ClusterState, command: Of<'node-troubles'>): Outcome {
  const { name, startId } = command;
  const member = state.members[name];
  if (member?.startId !== startId) return refuse(state, 'conflict', `${name} has been started again`);
  const troubles = command.troubles.slice(0, TROUBLES_MAX);
  let next = withMember(state, { ...member, troubles });
  for (const { detail } of troubles.filter((trouble) => !has(member.troubles, trouble)))
    next = withEvent(next, command, {
      level: 'warning',
      code: 'node.trouble',
      node: name,
      message: `${name}: ${detail}`,
    });
  for (const { detail } of member.troubles.filter((trouble) => !has(troubles, trouble)))
    next = withEvent(next, command, {
      level: 'info',
      code: 'node.trouble-over',
      node: name,
      message: `${name}: it is over that ${detail}`,
    });
  return accepted(next);
}

function has(troubles: readonly Trouble[], { kind, subject, detail }: Trouble): boolean {
  return troubles.some(
    (other) => other.kind === kind && other.subject === subject && other.detail === detail,
  );
}

function leaveNode(state: ClusterState, command: Of<'node-leaving'>): Outcome {
  const member = state.members[command.name];
  if (!member) return { state, refused: noSuch('node', command.name, state.members) };
  const { comesBack } = command;
  const leaving = { ...member, presence: 'leaving', ...(comesBack ? { comesBack } : {}) } as const;
  return accepted(
    withEvent(withMember(state, leaving), command, {
      level: 'info',
      code: 'node.leaving',
      node: command.name,
      message: `${command.name} is being stopped${comesBack ? ', and started again' : ''}`,
    }),
  );
}

function setPresence(state: ClusterState, command: Of<'node-presence'>): Outcome {
  const member = state.members[command.name];
  if (!member) return { state, refused: noSuch('node', command.name, state.members) };
  if (command.leaderTerm !== state.leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  if (member.presence === command.presence) return accepted(state);
  const lost = command.presence === 'lost';
  const polite = member.presence === 'leaving';
  return accepted(
    withEvent(withMember(state, { ...member, presence: command.presence }), command, {
      level: lost && !polite ? 'warning' : 'info',
      code: lost ? 'node.lost' : 'node.online',
      node: command.name,
      message: lost
        ? `${command.name} is ${polite ? 'down' : 'not heard any more'}`
        : `${command.name} is heard`,
    }),
  );
}
