/** What targets answer at moments that cannot be waited for: another host is faster, and what is left of a session before. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EterneError } from '@eterne/base';
import type { Timers } from '@eterne/runtime';
import { LunFence } from '../../src/initiator/fence.ts';
import { RemoteLun } from '../../src/initiator/lun.ts';
import type { CommandResult, InitiatorSession } from '../../src/initiator/session.ts';
import { SENSE, type Sense } from '../../src/scsi/sense.ts';
import { STATUS } from '../../src/scsi/status.ts';

const OURS = 0x77n;
const ANOTHER = 0x99n;
const ACTION_NAMES = [
  'register',
  'reserve',
  'release',
  'clear',
  'preempt',
  'preempt and abort',
  'ignore',
] as const;
const nothing = (): never => {
  throw new TypeError('nothing is waited for');
};
const timers: Timers = { after: nothing, every: nothing, soon: nothing, afterEvent: nothing };

type Answer = { readonly status: number; readonly sense?: Sense; readonly holder?: bigint };
const GOOD: Answer = { status: STATUS.good };
const CONFLICT: Answer = { status: STATUS.reservationConflict };
const attention = (sense: Sense): Answer => ({ status: STATUS.checkCondition, sense });

/** A target that answers each reservation command as it is told, one after the other, and keeps what it was asked. */
class ScriptedTarget implements Pick<InitiatorSession, 'command' | 'close' | 'isClosed'> {
  readonly isClosed = false;
  readonly asked: string[] = [];
  readonly #answers: Answer[];

  constructor(answers: readonly Answer[]) {
    this.#answers = [...answers];
  }

  close(): void {}

  command: InitiatorSession['command'] = (_lun, cdb, transfer, done) => {
    const isQuestion = transfer.kind === 'read';
    this.asked.push(isQuestion ? 'who' : (ACTION_NAMES[cdb[1] ?? 0] ?? ''));
    const { holder, sense, status } = this.#answers.shift() ?? assert.fail('it asks too much');
    if (transfer.kind === 'read' && holder !== undefined) transfer.into.writeBigUInt64BE(holder, 8);
    const readBytes = holder === undefined ? 8 : 24;
    done({ kind: 'status', status, sense, readBytes } satisfies CommandResult);
  };
}

function take(answers: readonly Answer[]): { readonly target: ScriptedTarget; readonly code: string } {
  const target = new ScriptedTarget(answers);
  const lun = new RemoteLun(target, 1, 'the LUN', timers, 1000);
  const fence = new LunFence({ lun, key: OURS, mayTakeOver: true });
  let code = 'nothing';
  fence.take(
    () => true,
    (error: EterneError | undefined) => (code = error?.code ?? 'held'),
  );
  return { target, code };
}

describe('a LUN that several hosts want', () => {
  const toPreempt = [GOOD, { ...GOOD, holder: ANOTHER }, CONFLICT, { ...GOOD, holder: ANOTHER }];

  test('is taken from whom it was read of', () => {
    const { code, target } = take([...toPreempt, GOOD]);
    assert.equal(code, 'held');
    assert.deepEqual(target.asked, ['ignore', 'who', 'reserve', 'who', 'preempt and abort']);
  });

  test('is another’s, and not away, when that one was faster: without it nobody may go on', () => {
    const { code, target } = take([...toPreempt, CONFLICT, GOOD]);
    assert.equal(code, 'busy');
    assert.equal(target.asked.at(-1), 'register', 'and nothing of ours is left there');
    // As well where the one before had released it.
    assert.equal(take([GOOD, GOOD, CONFLICT, GOOD, CONFLICT, GOOD]).code, 'busy');
  });

  test('is opened although a session of ours that is over was preempted', () => {
    const told = [attention(SENSE.registrationsPreempted), attention(SENSE.reservationsPreempted)];
    assert.equal(take([...told, GOOD, GOOD, GOOD]).code, 'held');
  });
});
