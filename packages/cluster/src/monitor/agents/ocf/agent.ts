/** Runs a resource by its OCF agent: start (then promote), (demote, then) stop, monitor. What the agent calls well is well. */
import {
  failed,
  missing,
  RUNNING,
  succeeded,
  type Agent,
  type CheckSpec,
  type Hands,
  type Job,
} from '../agent.ts';
import { stopFamily } from '../family.ts';
import {
  OCF_FAILED_PROMOTED,
  OCF_NOT_INSTALLED,
  OCF_NOT_RUNNING,
  OCF_RUNNING_PROMOTED,
  OCF_SUCCESS,
  isInstalled,
  runOcf,
  type OcfAction,
  type OcfOutcome,
  type OcfVerb,
} from './action.ts';
import { parseOcfParams, type OcfCheck, type OcfName, type OcfParams } from './params.ts';

/**
 * After a lapsed lease: what the agent set up in the kernel (addresses, mounts) is asked back, its processes are dead by then. Some agents wait five seconds less than
 * they are given, so it is more than that.
 */
const ABANDON_TIMEOUT_MS = 10_000;
/** A stop that succeeded may leave helpers behind; they are killed. */
const LEFTOVERS_TIMEOUT_MS = 2000;
/** In the place of the resource's mark, whose bearers the heart may still be killing. */
const ABANDON_MARK = 'ETERNE_ABANDONED';

/** What the exit code of a probe says of it; the others are trouble of the agent's own. */
const IS_HERE: ReadonlyMap<number, boolean> = new Map([
  [OCF_SUCCESS, true],
  [OCF_RUNNING_PROMOTED, true],
  [OCF_FAILED_PROMOTED, true],
  [OCF_NOT_RUNNING, false],
  [OCF_NOT_INSTALLED, false],
]);

/** `code`: of what failed. */
type Verdict = (failure: string, code?: number | null) => void;

export function ocfAgent(name: OcfName): Agent<OcfParams> {
  const run = (
    hands: Hands,
    job: Job<OcfParams>,
    action: OcfAction,
    done: (outcome: OcfOutcome) => void,
  ): void => runOcf(hands, name, job, action, done);

  /** One verb after the other, within one deadline. The verdict is empty, or why the first one failed. */
  const inOrder = (
    hands: Hands,
    job: Job<OcfParams>,
    verbs: readonly OcfVerb[],
    deadlineMs: number,
    done: Verdict,
  ): void => {
    const [verb, ...others] = verbs;
    if (verb === undefined) return done('');
    const timeoutMs = Math.ceil(deadlineMs - hands.world.clock.bootMs());
    run(hands, job, { verb, timeoutMs, intervalMs: 0, level: 0 }, ({ code, reason }) => {
      const isDone = code === OCF_SUCCESS || (verb === 'demote' && code === OCF_NOT_RUNNING);
      if (!isDone) return done(reason, code);
      inOrder(hands, job, others, deadlineMs, done);
    });
  };

  const stop = (hands: Hands, job: Job<OcfParams>, timeoutMs: number, done: Verdict): void => {
    const { clock } = hands.world;
    const deadlineMs = clock.bootMs() + timeoutMs;
    const stopNow = (before: string): void =>
      inOrder(hands, job, ['stop'], deadlineMs, (failure) => {
        if (failure !== '') return done([before, failure].filter(Boolean).join('; '));
        stopFamily(hands, job, LEFTOVERS_TIMEOUT_MS, (result) => done(result.reason));
      });
    if (job.params.role !== 'promoted') return stopNow('');
    // What crashed while it was promoted cannot be demoted: the stop is what tells whether it is gone.
    inOrder(hands, job, ['demote'], deadlineMs, (failure) =>
      failure === '' || clock.bootMs() < deadlineMs ? stopNow(failure) : done(failure),
    );
  };

  return {
    type: `ocf:${name.provider}:${name.name}`,
    parse: parseOcfParams,
    start(hands, job, timeoutMs, done) {
      const verbs: readonly OcfVerb[] = job.params.role === 'promoted' ? ['start', 'promote'] : ['start'];
      inOrder(hands, job, verbs, hands.world.clock.bootMs() + timeoutMs, (failure, code) => {
        if (failure === '') return done(succeeded());
        if (code === OCF_NOT_INSTALLED) return done(missing(failure));
        isInstalled(hands, name, (isHere) => done(isHere ? failed(failure) : missing(failure)));
      });
    },
    stop: (hands, job, timeoutMs, done) =>
      stop(hands, job, timeoutMs, (failure) => done(failure === '' ? succeeded() : failed(failure))),
    checks: ({ quick, deep }) => [...checkSpec('quick', quick), ...checkSpec('deep', deep)],
    check(hands, job, { name: depth, intervalMs }, done) {
      const { timeoutMs, level } = job.params[depth] ?? job.params.quick;
      run(hands, job, { verb: 'monitor', timeoutMs, intervalMs, level }, ({ code, reason }) => {
        const wanted = job.params.role === 'promoted' ? OCF_RUNNING_PROMOTED : OCF_SUCCESS;
        if (code === wanted) return done(RUNNING);
        const why = code === OCF_SUCCESS ? 'it runs, but is not promoted' : reason;
        done({ state: 'failed', reason: why });
      });
    },
    find(hands, job, timeoutMs, done) {
      run(hands, job, { verb: 'monitor', timeoutMs, intervalMs: 0, level: 0 }, ({ code }) =>
        done(code === null ? undefined : IS_HERE.get(code)),
      );
    },
    abandon(hands, job, done) {
      const mark = `${ABANDON_MARK}=${job.mark.slice(job.mark.indexOf('=') + 1)}`;
      stop(hands, { ...job, mark, processes: [] }, ABANDON_TIMEOUT_MS, done);
    },
  };
}

function checkSpec(name: CheckSpec['name'], check: OcfCheck | undefined): readonly CheckSpec[] {
  return check === undefined ? [] : [{ name, intervalMs: check.intervalMs, timeoutMs: check.timeoutMs }];
}
