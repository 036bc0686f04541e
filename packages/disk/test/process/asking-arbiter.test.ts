import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessExit, SpawnOptions } from '@eterne/runtime';
import type { SetAnswer, SetProposal } from '../../src/engine/api.ts';
import { createAskingArbiter } from '../../src/process/asking-arbiter.ts';
import { volumeConfig } from '../support/volume-config.ts';

const PROPOSAL: SetProposal = {
  volume: 'v0',
  term: { number: 1, grantor: 'a' },
  expectedVersion: 4,
  members: ['a'],
  removed: ['b'],
  reason: 'b is lost',
};
const ENDED: ProcessExit = { code: 0, signal: null, timedOut: false, stdout: '', stderr: '' };

/** Who is asked about a loss, and what comes of the answer `exit`. */
function ask(proposal: SetProposal, exit: Partial<ProcessExit>) {
  const asked: SpawnOptions[] = [];
  const answers: SetAnswer[] = [];
  const arbiter = createAskingArbiter(
    {
      timers: {
        after: () => ({ cancel() {} }),
        every: () => ({ cancel() {} }),
        soon: (then) => then(),
        afterEvent: (then) => then(),
      },
      processes: {
        spawn(options, onExit) {
          asked.push(options);
          onExit({ ...ENDED, ...exit });
          return { pid: 1, startTime: '1', kill() {} };
        },
        alive: () => false,
        startTime: () => undefined,
        killGroup() {},
        waitedForProcessorMs: () => undefined,
      },
    },
    volumeConfig('v0', { onPeerLost: 'ask', peerLost: { command: ['/bin/judge', '-x'], timeoutMs: 700 } }),
  );
  arbiter.propose(proposal, (answer) => answers.push(answer));
  return { asked, answer: answers[0] };
}

test('a loss is settled by the command, which hears of volume, version and who is lost', () => {
  const { asked, answer } = ask(PROPOSAL, {});
  assert.deepEqual(asked[0]?.command, ['/bin/judge', '-x', 'v0', '4', 'b']);
  assert.equal(asked[0].timeoutMs, 700);
  assert.deepEqual(answer, { kind: 'committed', set: { version: 5, members: ['a'] } });
});

test('without its yes everything stays on hold, and its last words say why', () => {
  const { answer } = ask(PROPOSAL, { code: 1, stderr: 'asking …\nno quorum\n' });
  assert.deepEqual(answer, { kind: 'hold', reason: 'b lost; /bin/judge ended with 1: no quorum' });
  const late = ask(PROPOSAL, { code: null, signal: 'SIGKILL', timedOut: true });
  assert.deepEqual(late.answer, { kind: 'hold', reason: 'b lost; /bin/judge took longer than 700 ms' });
});

test('nobody is asked about a replica that returns', () => {
  const { asked, answer } = ask({ ...PROPOSAL, members: ['a', 'b'], removed: [] }, { code: 1 });
  assert.equal(asked.length, 0);
  assert.deepEqual(answer, { kind: 'committed', set: { version: 5, members: ['a', 'b'] } });
});
