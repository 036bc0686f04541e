import { SYSTEM_PATH } from '@eterne/runtime';
import { EterneError } from '@eterne/base';
import { resourceLogPath } from '../../../node/layout.ts';
import {
  failed,
  RUNNING,
  succeeded,
  type Agent,
  type CheckSpec,
  type Hands,
  type Job,
  type Started,
} from '../agent.ts';
import { runAs, type Command, type CommandResult } from '../command.ts';
import { stopFamily } from '../family.ts';
import { markOf } from '../helper.ts';
import { parseAppParams, type AppCheck, type AppParams } from './params.ts';
import { probeApp } from './probe.ts';

/** Between two looks at a program that is starting. */
const READY_INTERVAL_MS = 50;
/** A program without a check has started when it has lived so long. */
const SETTLE_MS = 150;
/** For what an agent's `stop` has left running. */
const LEFTOVERS_MS = 1000;

export const appAgent: Agent<AppParams> = {
  type: 'app',
  parse: parseAppParams,
  start(hands, job, timeoutMs, done) {
    const { run, as, directory } = job.params;
    const logPath = resourceLogPath(hands.dir, job.spec.group, job.spec.name);
    const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
    if (run.kind === 'agent')
      return runAgent(hands, job, 'start', timeoutMs, ({ failure }) =>
        failure === '' ? awaitReady(hands, job, deadlineMs, done) : done(failed(failure)),
      );
    const { command } = run;
    hands.spawner.spawn({ command, env: environment(job), directory, logPath, ...as }, (started) => {
      if (started instanceof EterneError) return done(failed(started.message));
      const spawned = { ...job, processes: [started] };
      job.keep(spawned.processes, () => awaitReady(hands, spawned, deadlineMs, done));
    });
  },
  stop(hands, job, timeoutMs, done) {
    if (job.params.run.kind === 'command') return stopFamily(hands, job, timeoutMs, done);
    const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
    runAgent(hands, job, 'stop', timeoutMs, ({ failure }) => {
      if (failure !== '') return done(failed(failure));
      stopFamily(hands, job, Math.max(LEFTOVERS_MS, deadlineMs - hands.world.clock.bootMs()), done);
    });
  },
  checks: ({ quick, deep }) => [...checkSpec('quick', quick), ...checkSpec('deep', deep)],
  check(hands, job, { name, timeoutMs }, done) {
    const { run } = job.params;
    if (run.kind === 'command' && !isAlive(hands, job))
      return done({ state: 'failed', reason: 'its process has ended' });
    const check = job.params[name];
    if (check !== undefined) return probeApp(hands, job.params, environment(job), check, done);
    if (run.kind === 'command') return done(RUNNING);
    runAgent(hands, job, 'check', timeoutMs, ({ failure }) =>
      done(failure === '' ? RUNNING : { state: 'failed', reason: failure }),
    );
  },
  abandon: (_hands, _job, done) => done(''),
};

/** The user's own agent, to its end. What it leaves running carries the resource's mark. */
function runAgent(
  hands: Hands,
  job: Job<AppParams>,
  verb: 'start' | 'stop' | 'check',
  timeoutMs: number,
  done: (result: CommandResult) => void,
): void {
  const { run, as, directory } = job.params;
  const command: Command = [...run.command, verb];
  runAs(hands, as, { command, env: environment(job), directory, timeoutMs }, done);
}

function checkSpec(name: 'quick' | 'deep', check: AppCheck | undefined): readonly CheckSpec[] {
  if (check !== undefined) return [{ name, intervalMs: check.intervalMs, timeoutMs: check.timeoutMs }];
  return name === 'quick' ? [{ name, intervalMs: 1000, timeoutMs: 1000 }] : [];
}

function environment(job: Job<AppParams>): Record<string, string> {
  return { PATH: SYSTEM_PATH, ...job.params.env, ...markOf(job) };
}

function isAlive(hands: Hands, job: Job<AppParams>): boolean {
  return job.processes.some(({ pid, startTime }) => hands.world.processes.alive(pid, startTime));
}

/** Started means: its quick check passes; without one, it has lived for a moment. */
function awaitReady(hands: Hands, job: Job<AppParams>, deadlineMs: number, done: Started): void {
  const { clock, timers } = hands.world;
  const { run, quick } = job.params;
  const settledMs = clock.bootMs() + SETTLE_MS;
  const look = (): void => {
    if (run.kind === 'command' && !isAlive(hands, job))
      return done(
        failed(`it ended at once; see ${resourceLogPath(hands.dir, job.spec.group, job.spec.name)}`),
      );
    if (quick === undefined && run.kind === 'agent') return done(succeeded());
    if (quick === undefined) {
      if (clock.bootMs() >= settledMs) return done(succeeded());
      return void timers.after(READY_INTERVAL_MS, look);
    }
    probeApp(hands, job.params, environment(job), quick, (result) => {
      if (result.state === 'running') return done(succeeded());
      if (clock.bootMs() >= deadlineMs) return done(failed(`it did not get ready in time: ${result.reason}`));
      timers.after(READY_INTERVAL_MS, look);
    });
  };
  look();
}
