/** A pair of which one node goes on alone, and becomes whole again. Its terms are then granted by another grantor, so that no volume takes a half's for the other's. */
import { unreachable } from '@eterne/base';
import type { HalfCommand, Stamp } from './commands.ts';
import type { Alone, ClusterState } from './model.ts';
import { accepted, refuse, withEvent, type Outcome } from './outcome.ts';

type Of<Kind extends HalfCommand['kind']> = Stamp & Extract<HalfCommand, { kind: Kind }>;

export function applyHalf(state: ClusterState, command: Stamp & HalfCommand): Outcome {
  if (command.leaderTerm !== state.leaderTerm) return refuse(state, 'conflict', 'that leadership is over');
  switch (command.kind) {
    case 'alone':
      return applyAlone(state, command);
    case 'parted':
      return applyParted(state, command);
    case 'whole':
      return applyWhole(state, command);
    default:
      return unreachable(command);
  }
}

/** Who grants the terms of volumes. */
export function grantorOf({ grantor, clusterId }: Pick<ClusterState, 'grantor' | 'clusterId'>): string {
  return grantor ?? clusterId;
}

function applyAlone(state: ClusterState, command: Of<'alone'>): Outcome {
  const { half, node, peer, atMs } = command;
  if (state.grantor === half) return refuse(state, 'conflict', `${node} is known to be alone`);
  const alone = { half, node, peer, sinceMs: atMs, parted: null };
  return accepted(
    withEvent({ ...state, grantor: half, alone }, command, {
      level: 'error',
      code: 'pair.alone',
      node,
      message: `${node} does not hear ${peer} and goes on alone (prefer: availability); if ${peer} runs too, volumes are written on both sides`,
    }),
  );
}

function applyParted(state: ClusterState, command: Of<'parted'>): Outcome {
  const { alone } = state;
  const { half, other, survives, atMs } = command;
  if (alone?.half !== half) return refuse(state, 'conflict', 'that half is over');
  if (alone.parted?.half === other) return refuse(state, 'conflict', 'that is known');
  const { node, peer } = alone;
  const outcome = survives
    ? `${peer} lets go of what it runs, joins again, and its decisions since are put aside there`
    : `${node} lets go of what it runs, joins ${peer}, and its decisions since are put aside`;
  const parted = { half: other, sinceMs: atMs, survives };
  return accepted(
    withEvent({ ...state, alone: { ...alone, parted } }, command, {
      level: 'error',
      code: 'pair.parted',
      node: peer,
      message: `${peer} went on alone too: ${outcome}. Volumes that both wrote have a split brain: \`eterne volume resolve\``,
    }),
  );
}

function applyWhole(state: ClusterState, command: Of<'whole'>): Outcome {
  const { alone } = state;
  if (alone?.half !== command.half) return refuse(state, 'conflict', 'that half is over');
  const { peer, parted } = alone;
  return accepted(
    withEvent({ ...state, alone: null }, command, {
      level: parted ? 'warning' : 'info',
      code: 'pair.whole',
      node: peer,
      message: wholeMessage(alone, state.members),
    }),
  );
}

function wholeMessage({ node, peer, parted }: Alone, members: ClusterState['members']): string {
  if (members[peer] === undefined) return `${node} goes on without ${peer}, which is no member any more`;
  return parted
    ? `${peer} has joined again; what its half decided is in raft/log.parted-${parted.half} of its folder`
    : `${peer} is back and follows: nobody goes on alone any more`;
}
