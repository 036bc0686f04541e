/**
 * Who may be removed while one node of a pair goes on alone, because it prefers availability or was told to leave the other out. Pure.
 *
 * The other may be a half of its own, or hold the tie-breaker since before. It would never hear that it is removed: so it would run what it owns for good, neither half would give way, and nobody
 * would be told of what both wrote. Only that it is off, and stays so, rules that out; and nobody but an operator knows that.
 */
import { EterneError } from '@eterne/base';
import { memberIdOf } from '../../raft/types.ts';
import { isUnsaid, type View } from '../view.ts';

/** `isSaidToBeOff`: an operator gives his word. Undefined: `node` may go, as far as the pair is concerned. */
export function removalRefusal(
  view: Pick<View, 'state' | 'tie' | 'paths'>,
  node: string,
  isSaidToBeOff: boolean,
): EterneError | undefined {
  if (isUnsaid(view)) return new EterneError('busy', 'this node begins to go on alone; try again');
  const { alone, members } = view.state;
  const voterId = members[node]?.voterId;
  if (voterId !== undefined && view.tie?.barred?.has(memberIdOf(node, voterId)) === true)
    // Who runs is told, and runs nothing any more.
    return isSaidToBeOff || isUp(view, node)
      ? undefined
      : unlessItIsOff(
          node,
          `${node} is not heard, and may hold the tie-breaker since before it was left out: it would never know that it is removed, and run its groups on`,
        );
  if (alone?.node === node)
    return new EterneError('refused', `${node} goes on alone: nobody else has what it has decided`, {
      hint: `have ${alone.peer} follow it first`,
    });
  if (alone?.peer !== node) return undefined;
  if (isUp(view, node))
    return new EterneError('refused', `${node} runs, and does not follow ${alone.node} yet`, {
      hint: 'wait until it does; where status says that it has to join anew, stop it first',
    });
  if (isSaidToBeOff) return undefined;
  return unlessItIsOff(
    node,
    `${node} is not heard, and may have gone on alone as ${alone.node} has: it would never know that it is removed, and run its groups on`,
  );
}

const isUp = ({ paths }: Pick<View, 'paths'>, node: string): boolean =>
  paths.some(({ peer, up }) => peer === node && up);

/** Refused, unless an operator says that `node` is off. */
function unlessItIsOff(node: string, refusal: string): EterneError {
  const hint = `if it is certainly off, and stays off until its state folder is cleared: \`eterne node remove ${node} --confirm-stopped\``;
  return new EterneError('refused', refusal, { hint });
}
