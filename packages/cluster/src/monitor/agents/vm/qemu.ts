/** A virtual machine that is a process of ours, asked over QMP. */
import { EterneError } from '@eterne/base';
import { join } from 'node:path';
import { resourceLogPath, runFolder } from '../../../node/layout.ts';
import {
  failed,
  RUNNING,
  succeeded,
  type CheckResult,
  type Hands,
  type Job,
  type Started,
} from '../agent.ts';
import { stopFamily } from '../family.ts';
import { startHelper } from '../helper.ts';
import type { QemuMachine } from './params.ts';
import { askQmp } from './qmp.ts';

const RETRY_MS = 100;
const ASK_TIMEOUT_MS = 1000;
/** Of the time a stop has, so much is for the guest to go down by itself. */
const GUEST_SHARE = 0.8;
/** QMP RunState: it may go on by itself, or is where its operator put it. */
const WELL: readonly unknown[] = ['running', 'paused', 'prelaunch', 'suspended', 'save-vm'];

export function startQemu(
  hands: Hands,
  job: Job<unknown>,
  { command }: QemuMachine,
  timeoutMs: number,
  done: Started,
): void {
  const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
  startHelper(hands, job, withQmp(command, socketOf(hands, job)), (started) => {
    if (started instanceof EterneError) return done(failed(started.message));
    awaitWell(hands, { ...job, processes: [started] }, deadlineMs, done);
  });
}

function withQmp([program, ...args]: QemuMachine['command'], socket: string): readonly [string, ...string[]] {
  return [program, ...args, '-qmp', `unix:${socket},server=on,wait=off`];
}

function awaitWell(hands: Hands, job: Job<unknown>, deadlineMs: number, done: Started): void {
  checkQemu(hands, job, ASK_TIMEOUT_MS, ({ state, reason }) => {
    if (state === 'running') return done(succeeded({ qmp: socketOf(hands, job) }));
    if (!isAlive(hands, job))
      return done(
        failed(`it ended at once; see ${resourceLogPath(hands.dir, job.spec.group, job.spec.name)}`),
      );
    if (hands.world.clock.bootMs() >= deadlineMs) return done(failed(reason));
    hands.world.timers.after(RETRY_MS, () => awaitWell(hands, job, deadlineMs, done));
  });
}

export function checkQemu(
  hands: Hands,
  job: Job<unknown>,
  timeoutMs: number,
  done: (result: CheckResult) => void,
): void {
  if (!isAlive(hands, job)) return done({ state: 'failed', reason: 'its process has ended' });
  askQmp(hands, socketOf(hands, job), 'query-status', timeoutMs, (answer) => {
    if (answer instanceof EterneError) return done({ state: 'failed', reason: answer.message });
    const { status } = answer;
    done(WELL.includes(status) ? RUNNING : { state: 'failed', reason: `QEMU says it is ${String(status)}` });
  });
}

/** The power button, and at last SIGTERM and SIGKILL. */
export function stopQemu(hands: Hands, job: Job<unknown>, timeoutMs: number, done: Started): void {
  const { clock, timers } = hands.world;
  const deadlineMs = clock.bootMs() + timeoutMs;
  const askUntilMs = clock.bootMs() + timeoutMs * GUEST_SHARE;
  const end = (): void => stopFamily(hands, job, Math.max(ASK_TIMEOUT_MS, deadlineMs - clock.bootMs()), done);
  if (!isAlive(hands, job)) return end();
  const look = (): void => {
    if (!isAlive(hands, job) || clock.bootMs() >= askUntilMs) return end();
    timers.after(RETRY_MS, look);
  };
  askQmp(hands, socketOf(hands, job), 'system_powerdown', ASK_TIMEOUT_MS, (answer) =>
    answer instanceof EterneError ? end() : look(),
  );
}

function isAlive(hands: Hands, job: Job<unknown>): boolean {
  return job.processes.some(({ pid, startTime }) => hands.world.processes.alive(pid, startTime));
}

const socketOf = (hands: Hands, { spec }: Job<unknown>): string =>
  join(runFolder(hands.dir), `${spec.group}.${spec.name}.qmp`);
