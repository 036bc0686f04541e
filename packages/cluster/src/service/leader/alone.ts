/**
 * What the leader of a pair that prefers availability commits about going on alone. Pure.
 *
 *   it leads because it does not hear the other      → `alone`, before it decides anything else: terms have another grantor from then on
 *   the other turns out to have gone on alone too    → `parted`
 *   it needs the other again to commit               → `whole`; only both can commit that
 */
import type { Command } from '../../state/commands.ts';
import { nodeOfMember } from '../../raft/types.ts';
import { isUnsaid, type View } from '../view.ts';

export function decideAlone(view: View, leaderTerm: number): Command | undefined {
  const { tie, state, self, now } = view;
  const { alone } = state;
  const said = { leaderTerm, atMs: now.wallMs };
  const half = tie?.solo?.half;
  if (tie?.held && half && isUnsaid(view))
    return { kind: 'alone', half: half.id, node: self, peer: nodeOfMember(tie.held.peer), ...said };
  if (alone === null) return undefined;
  if (half === undefined) return { kind: 'whole', half: alone.half, ...said };
  const parted = tie?.solo?.parted;
  if (parted?.theirs === undefined || alone.parted?.half === parted.theirs.id) return undefined;
  const survives = parted.survivor !== 'theirs';
  return { kind: 'parted', half: alone.half, other: parted.theirs.id, survives, ...said };
}
