/** Who asks for a fence when: what a run proves is true of the life that it ended, and of no later one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { World } from '@eterne/runtime';
import { Fencer } from '../../src/fencing/fencer.ts';
import { FENCE_ORDER_MAX_MS, type FenceResult } from '../../src/fencing/order.ts';
import type { FenceDevice } from '../../src/state/model.ts';
import { device } from './device.ts';

const ABILITIES = ['off', 'on', 'status', 'reboot'];

/** A machine with a power switch whose agent ends when the test says so. */
class Switch {
  readonly fencer: Fencer;
  readonly verbs: string[] = [];
  passedMs = 0;
  readonly #can: readonly string[];
  #end: ((code: number) => void) | undefined;

  constructor(can = ABILITIES) {
    this.#can = can;
    const spawn: World['processes']['spawn'] = ({ stdin = '' }, onExit) => {
      const verb = /action=(\w+)/.exec(stdin)?.[1] ?? '';
      const said = { signal: null, timedOut: false, stdout: this.#metadata(), stderr: '' };
      const end = (code: number): void => onExit({ code, ...said });
      if (verb === 'metadata') end(0);
      else {
        this.verbs.push(verb);
        this.#end = end;
      }
      return { pid: undefined, startTime: undefined, kill: () => {} };
    };
    const clock = { bootMs: () => this.passedMs } as World['clock'];
    this.fencer = new Fencer({ clock, processes: { spawn } as World['processes'], log: () => {} });
  }

  #metadata(): string {
    const actions = this.#can.map((name) => `<action name="${name}"/>`);
    return `<resource-agent><actions>${actions.join('')}</actions></resource-agent>`;
  }

  /** The action that is under way ends. */
  end(code = 0): void {
    const ended = this.#end;
    this.#end = undefined;
    assert.ok(ended !== undefined, 'an action is under way');
    ended(code);
  }

  fence(subject: FenceDevice = device({})): FenceResult[] {
    const results: FenceResult[] = [];
    this.fencer.fence({ node: 'n1', devices: [subject] }, (result) => results.push(result));
    return results;
  }
}

const OFF = 2;

test('who asks before it is off is answered by the run that is under way, before it is on again', () => {
  const power = new Switch();
  const first = power.fence();
  power.end();
  const second = power.fence();
  assert.deepEqual(power.verbs, ['off', 'status']);
  power.end(OFF);
  assert.deepEqual(
    [first, second].map(([result]) => result?.confirmed),
    [true, true],
  );
  assert.deepEqual(power.verbs, ['off', 'status', 'on']);
});

test('who asks while it is switched on again asks about another life: nothing is said of that, nor done to it', () => {
  const power = new Switch();
  power.fence();
  power.end();
  power.end(OFF);
  const [early] = power.fence();
  assert.equal(early?.confirmed, false);
  assert.match(early.reason, /only just being switched on/);
  power.end();
  assert.deepEqual(power.verbs, ['off', 'status', 'on']);
  power.fence();
  assert.deepEqual(power.verbs, ['off', 'status', 'on', 'off']);
});

test('likewise who asks after a reboot was asked for, which may be over already', () => {
  const power = new Switch(['reboot']);
  const first = power.fence();
  const [later] = power.fence();
  assert.equal(later?.confirmed, false);
  power.end();
  assert.equal(first[0]?.confirmed, true);
  assert.deepEqual(power.verbs, ['reboot']);
});

test('what fails for longer than an order may take switches nothing off any more, and what is off on again', () => {
  const failing = new Switch();
  const results = failing.fence(device({ retries: 10, timeoutMs: 120_000 }));
  for (let i = 0; i < 5; i += 1) failing.end(1);
  failing.passedMs = FENCE_ORDER_MAX_MS;
  failing.end(1);
  assert.equal(failing.verbs.length, 6);
  assert.match(results[0]?.reason ?? '', /the time for it is over/);
  assert.equal(results[0]?.confirmed, false);
  const slow = new Switch();
  const late = slow.fence();
  slow.passedMs = FENCE_ORDER_MAX_MS;
  slow.end();
  slow.end(OFF);
  assert.equal(late[0]?.confirmed, true);
  assert.deepEqual(slow.verbs, ['off', 'status', 'on']);
});
