/**
 * `mirror`: makes a promoted volume reachable on this node. The service has promoted it before it asks; this agent attaches it.
 *
 * `attach: none`: nothing but the export itself, a unix socket that speaks NBD; `device` is its NBD URI.
 * `attach: nbd | fuse | auto`: `device` is a block device of this kernel (`nbd.ts`, `fuse.ts`); `auto` takes what the machine has.
 * All output `socket` and `volume` too.
 */
import { assert, EterneError } from '@eterne/base';
import { chooseAttachWay } from '@eterne/disk/attach/choose.ts';
import { volumeSocketPath } from '../../../node/layout.ts';
import { failed, RUNNING, succeeded, type Agent, type Hands, type Job, type Started } from '../agent.ts';
import { abandonFuse, attachFuse, detachFuse, isAttached } from './fuse.ts';
import { abandonNbd, attachNbd, detachNbd } from './nbd.ts';
import { parseMirrorParams, type MirrorParams } from './params.ts';

const RETRY_INTERVAL_MS = 20;
const CONNECT_TIMEOUT_MS = 1000;
const CHECK_INTERVAL_MS = 1000;

export const mirrorAgent: Agent<MirrorParams> = {
  type: 'mirror',
  parse: parseMirrorParams,
  start(hands, job, timeoutMs, done) {
    const { volume, attach: choice } = job.params;
    const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
    const outputs = outputsOf(hands, volume);
    const attempt = (): void =>
      reach(hands, volume, (error) => {
        if (error === undefined && choice === 'none') return done(succeeded(outputs));
        const leftMs = deadlineMs - hands.world.clock.bootMs();
        if (error === undefined) return attach(hands, job, outputs, leftMs, done);
        if (leftMs <= 0)
          return done(failed(`the export of volume ${volume} does not answer: ${error.message}`));
        hands.world.timers.after(RETRY_INTERVAL_MS, attempt);
      });
    attempt();
  },
  stop(hands, job, timeoutMs, done) {
    if (job.params.attach === 'none') return hands.world.timers.soon(() => done(succeeded()));
    detach(hands, job, timeoutMs, done);
  },
  checks: () => [{ name: 'quick', intervalMs: CHECK_INTERVAL_MS, timeoutMs: CONNECT_TIMEOUT_MS }],
  check(hands, job, _check, done) {
    const { volume, attach } = job.params;
    if (attach !== 'none' && !isAttached(hands, job))
      return done({ state: 'failed', reason: `volume ${volume} is not attached any more` });
    reach(hands, volume, (error) => {
      if (error === undefined) return done(RUNNING);
      done({ state: 'failed', reason: `the export of volume ${volume} does not answer` });
    });
  },
  abandon(hands, { params }, done) {
    if (params.attach === 'none') return done('');
    abandonNbd(hands, volumeSocketPath(hands.dir, params.volume), (failure) =>
      abandonFuse(hands, params.volume, () => done(failure)),
    );
  },
};

/** What an earlier start made in another way is proven gone too. */
function attach(
  hands: Hands,
  job: Job<MirrorParams>,
  outputs: ReturnType<typeof outputsOf>,
  timeoutMs: number,
  done: Started,
): void {
  const { attach: choice, volume } = job.params;
  assert(choice !== 'none', 'there is something to attach');
  chooseAttachWay(hands.world, choice, (way) => {
    if (way === 'nbd')
      return abandonFuse(hands, volume, () => attachNbd(hands, job, outputs, timeoutMs, done));
    abandonNbd(hands, outputs.socket, (failure) => {
      if (failure !== '') return done(failed(failure));
      attachFuse(hands, job, outputs.device, outputs, timeoutMs, done);
    });
  });
}

/** In the way it was attached; `auto` means the same machine and chooses the same. */
function detach(hands: Hands, job: Job<MirrorParams>, timeoutMs: number, done: Started): void {
  const { attach: choice, volume } = job.params;
  assert(choice !== 'none', 'there is something to detach');
  chooseAttachWay(hands.world, choice, (way) => {
    if (way === 'fuse') detachFuse(hands, job, timeoutMs, done);
    else detachNbd(hands, job, volumeSocketPath(hands.dir, volume), timeoutMs, done);
  });
}

/** Does somebody listen at the export? */
function reach(hands: Hands, volume: string, done: (error: EterneError | undefined) => void): void {
  const address = `unix:${volumeSocketPath(hands.dir, volume)}`;
  hands.world.network.connect(address, { timeoutMs: CONNECT_TIMEOUT_MS }, (stream) => {
    if (stream instanceof EterneError) return done(stream);
    stream.destroy();
    done(undefined);
  });
}

function outputsOf(hands: Hands, volume: string): Record<'volume' | 'socket' | 'device', string> {
  const socket = volumeSocketPath(hands.dir, volume);
  return { volume, socket, device: `nbd+unix:///${volume}?socket=${socket}` };
}
