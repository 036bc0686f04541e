import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommandWindow } from '@eterne/target/session/command-window.ts';
import { COMMAND_WINDOW } from '@eterne/target/limits.ts';

describe('CommandWindow', () => {
  it('delivers commands in the order of their numbers, also around the end of 32 bits', () => {
    const window = new CommandWindow(0xffff_fffe);
    const delivered: number[] = [];
    for (const cmdSn of [0, 0xffff_ffff, 0xffff_fffe, 1]) window.arrive(cmdSn, () => delivered.push(cmdSn));
    assert.deepEqual(delivered, [0xffff_fffe, 0xffff_ffff, 0, 1]);
    assert.equal(window.expCmdSn, 2);
  });

  it('ignores what was seen before and what is beyond the window', () => {
    const window = new CommandWindow(10);
    const delivered: number[] = [];
    const arrive = (cmdSn: number): void => window.arrive(cmdSn, () => delivered.push(cmdSn));
    arrive(9);
    arrive(10 + COMMAND_WINDOW);
    arrive(10);
    arrive(10);
    assert.deepEqual(delivered, [10]);
  });

  it('never delivers what was dropped, whether it had come early or comes yet', () => {
    const window = new CommandWindow(0);
    const delivered: number[] = [];
    const arrive = (cmdSn: number): void => window.arrive(cmdSn, () => delivered.push(cmdSn));
    arrive(1);
    window.drop(1);
    window.drop(2);
    arrive(2);
    arrive(3);
    arrive(0);
    assert.deepEqual(delivered, [0, 3]);
    assert.equal(window.expCmdSn, 4);
  });

  it('never moves MaxCmdSN back, and promises no more places than it has', () => {
    const window = new CommandWindow(0);
    let max = window.maxCmdSn;
    for (let cmdSn = 0; cmdSn < COMMAND_WINDOW; cmdSn += 1) {
      window.arrive(cmdSn, () => window.begin());
      assert.ok(window.maxCmdSn >= max);
      max = window.maxCmdSn;
    }
    assert.equal(window.expCmdSn, COMMAND_WINDOW);
    assert.equal(window.maxCmdSn, COMMAND_WINDOW - 1); // closed
    let late = false;
    window.arrive(COMMAND_WINDOW, () => (late = true));
    assert.ok(!late);
    window.end();
    window.arrive(COMMAND_WINDOW, () => (late = true));
    assert.ok(late);
  });
});
