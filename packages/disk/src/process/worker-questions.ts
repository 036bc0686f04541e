/** How a volume's worker answers questions (`questions.ts`): with a result instead of a status. */
import { EterneError, unreachable } from '@eterne/base';
import type { RescueControl } from '../rescue/api.ts';
import type { CallDone } from './volume-process.ts';
import type { RescueAction } from './worker-messages.ts';

export function answerRescue(
  rescue: RescueControl | undefined,
  action: RescueAction,
  volume: string,
  done: CallDone,
): void {
  if (rescue === undefined) {
    const hint = 'configure `rescueJournal`';
    return done(new EterneError('refused', `volume ${volume} has no rescue journal`, { hint }));
  }
  const finish = (error: EterneError | undefined): void => done(error, { points: rescue.points });
  switch (action.kind) {
    case 'list':
      return finish(rescue.unreadable);
    case 'export':
      return rescue.export(action.id, action.path, finish, action.name);
    case 'drop':
      return rescue.drop(action.id, finish);
    default:
      return unreachable(action);
  }
}
