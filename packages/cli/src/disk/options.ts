/** What the text of an option means; an error is one of usage. */
import { EterneError } from '@eterne/base';
import { WAIT_GOALS, type WaitGoal } from '@eterne/disk/process/wait.ts';

export function usable<Value>(option: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof EterneError)
      throw new EterneError('usage', `${option}: ${error.message}`, hintOf(error));
    throw error;
  }
}

const hintOf = ({ hint }: EterneError): { hint?: string } => (hint === undefined ? {} : { hint });

export function waitGoal(text: string): WaitGoal {
  const goal = WAIT_GOALS.find((each) => each === text);
  if (goal !== undefined) return goal;
  throw new EterneError('usage', `cannot wait for ${JSON.stringify(text)}`, {
    hint: `one of ${WAIT_GOALS.join(', ')}`,
  });
}

/** Whose changes a split brain's end gives up. */
export function discardOf({
  discardLocal,
  discardRemote,
}: {
  readonly discardLocal?: true;
  readonly discardRemote?: true;
}): 'local' | 'remote' {
  if ((discardLocal === undefined) === (discardRemote === undefined))
    throw new EterneError('usage', 'say whose changes go: --discard-local or --discard-remote');
  return discardLocal === undefined ? 'remote' : 'local';
}
