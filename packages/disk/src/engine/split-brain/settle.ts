/**
 * Who loses a split brain: the node that the operator named on either side, else the one that the policy finds, else nobody. Pure and
 * symmetric, as the handshake's table: both sides compute it from the same two summaries.
 *
 * The policy is chosen by how many sides are primary *now*, and counts only where both are configured alike. "Younger" is whoever was
 * promoted later by the wall clocks of the two nodes; `discard-local` and `discard-remote` are seen from the node that owned the
 * resource last: the primary, else the younger.
 */
import { unreachable } from '@eterne/base';
import { resolveSplitBrain, type HandshakeDecision, type ReplicaSummary } from '../../metadata/index.ts';
import type { SplitBrainAction } from '../api.ts';

type Choice =
  | { readonly victim: ReplicaSummary; readonly by: string }
  /** Nobody: the sides stay apart. */
  | { readonly why: string };

/** A split brain with its settlement, if there is one; every other decision, and a split brain that is none, as it is. */
export function settleSplitBrain(
  decision: HandshakeDecision,
  mine: ReplicaSummary,
  theirs: ReplicaSummary,
): HandshakeDecision {
  if (decision.kind !== 'split-brain' || decision.victim !== undefined) return decision;
  const [a, b] = mine.node < theirs.node ? [mine, theirs] : [theirs, mine];
  const choice = byOperator(a, b) ?? byPolicy(a, b);
  if ('why' in choice) return { ...decision, reason: `${decision.reason}: ${choice.why}` };
  const settled = resolveSplitBrain(a, b, choice.victim.node);
  return { ...settled, reason: `${settled.reason} (${choice.by})` };
}

function byOperator(a: ReplicaSummary, b: ReplicaSummary): Choice | undefined {
  const named = [a, b].filter((side) => [a, b].some(({ splitBrain }) => splitBrain.discards === side.node));
  const [victim, other] = named;
  if (victim === undefined) return undefined;
  if (other !== undefined) return { why: 'the operator’s words on the two sides contradict each other' };
  return { victim, by: 'by the operator’s word' };
}

function byPolicy(a: ReplicaSummary, b: ReplicaSummary): Choice {
  const primaries = [a, b].filter(({ role }) => role === 'primary').length;
  const [mine, theirs] = [actionOf(a, primaries), actionOf(b, primaries)];
  if (mine !== theirs)
    return { why: `${a.node} is configured to ${mine}, ${b.node} to ${theirs}: resolve it by hand` };
  return found(mine, a, b, primaries === 1);
}

function actionOf({ splitBrain: { actions } }: ReplicaSummary, primaries: number): SplitBrainAction {
  if (primaries === 0) return actions.zeroPrimaries;
  return primaries === 1 ? actions.onePrimary : actions.twoPrimaries;
}

function found(action: SplitBrainAction, a: ReplicaSummary, b: ReplicaSummary, onePrimary: boolean): Choice {
  const by = `by the policy ${action}`;
  const younger = later(a, b, ({ splitBrain }) => splitBrain.promotedAtWallMs);
  const busier = later(a, b, ({ dirtyBlocks }) => dirtyBlocks);
  const primary = a.role === 'primary' ? a : b;
  const owner = onePrimary ? primary : younger;
  const lose = (victim: ReplicaSummary | undefined, unless: string): Choice =>
    victim === undefined ? { why: `${action} cannot tell: ${unless}` } : { victim, by };
  switch (action) {
    case 'disconnect':
      return { why: 'resolve it by hand' };
    case 'discard-younger-primary':
      return lose(younger, 'both were promoted at the same time');
    case 'discard-older-primary':
      return lose(other(younger, a, b), 'both were promoted at the same time');
    case 'discard-zero-changes':
      return lose(unchanged(a, b), 'neither side or both are without changes');
    case 'discard-least-changes':
      return lose(other(busier, a, b), 'both sides changed equally much');
    case 'discard-local':
      return lose(owner, 'both were promoted at the same time');
    case 'discard-remote':
      return lose(other(owner, a, b), 'both were promoted at the same time');
    default:
      return unreachable(action);
  }
}

/** The side with the greater number; undefined when they are equal. */
function later(
  a: ReplicaSummary,
  b: ReplicaSummary,
  numberOf: (side: ReplicaSummary) => number,
): ReplicaSummary | undefined {
  const difference = numberOf(a) - numberOf(b);
  if (difference === 0) return undefined;
  return difference > 0 ? a : b;
}

function other(side: ReplicaSummary | undefined, a: ReplicaSummary, b: ReplicaSummary) {
  if (side === undefined) return undefined;
  return side === a ? b : a;
}

function unchanged(a: ReplicaSummary, b: ReplicaSummary): ReplicaSummary | undefined {
  const still = [a, b].filter(({ dirtyBlocks }) => dirtyBlocks === 0);
  return still.length === 1 ? still[0] : undefined;
}
