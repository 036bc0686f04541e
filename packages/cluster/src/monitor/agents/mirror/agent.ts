/**
 * `mirror`: makes a promoted volume reachable on this node. The service has promoted it before it asks; this agent attaches it.
 *
 * `attach: none`: nothing but the export itself, a unix socket that speaks NBD. Outputs `device` (an NBD URI), `socket`, `volume`.
 */
import { EterneError } from '@eterne/base';
import { NAME } from '../../../node/identity.ts';
import { volumeSocketPath } from '../../../node/layout.ts';
import { failed, RUNNING, succeeded, type Agent, type Hands } from '../agent.ts';

const RETRY_INTERVAL_MS = 20;
const CONNECT_TIMEOUT_MS = 1000;
const CHECK_INTERVAL_MS = 1000;

export interface MirrorParams {
  readonly volume: string;
  readonly attach: 'none';
}

export const mirrorAgent: Agent<MirrorParams> = {
  type: 'mirror',
  parse: (fields) => ({
    volume: fields.matching('volume', NAME),
    attach: fields.optional('attach', (name) => fields.oneOf(name, ['none']), 'none'),
  }),
  start(hands, { params }, timeoutMs, done) {
    const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
    const attempt = (): void =>
      reach(hands, params.volume, (error) => {
        if (error === undefined) return done(succeeded(outputs(hands, params.volume)));
        if (hands.world.clock.bootMs() >= deadlineMs)
          return done(failed(`the export of volume ${params.volume} does not answer: ${error.message}`));
        hands.world.timers.after(RETRY_INTERVAL_MS, attempt);
      });
    attempt();
  },
  stop: (hands, _job, _timeoutMs, done) => hands.world.timers.soon(() => done(succeeded())),
  checks: () => [{ name: 'quick', intervalMs: CHECK_INTERVAL_MS, timeoutMs: CONNECT_TIMEOUT_MS }],
  check(hands, { params }, _check, done) {
    reach(hands, params.volume, (error) => {
      if (error === undefined) return done(RUNNING);
      done({ state: 'failed', reason: `the export of volume ${params.volume} does not answer` });
    });
  },
  abandon: () => {},
};

/** Does somebody listen at the export? */
function reach(hands: Hands, volume: string, done: (error: EterneError | undefined) => void): void {
  const address = `unix:${volumeSocketPath(hands.dir, volume)}`;
  hands.world.network.connect(address, { timeoutMs: CONNECT_TIMEOUT_MS }, (stream) => {
    if (stream instanceof EterneError) return done(stream);
    stream.destroy();
    done(undefined);
  });
}

function outputs(hands: Hands, volume: string): Record<string, string> {
  const socket = volumeSocketPath(hands.dir, volume);
  return { volume, socket, device: `nbd+unix:///${volume}?socket=${socket}` };
}
