/**
 * The arbiter of a volume that another cluster manager steers (`onPeerLost: ask`): the loss of a replica is settled by a command, which
 * must have made certain that nobody promotes the lost replica before it is in step again. Everything else is decided as standalone.
 *
 * The command is given `VOLUME SET_VERSION LOST…`. Exit 0: the lost replicas are shut out, go on without them. Anything else, a
 * timeout too: nothing is known, so all I/O stays on hold until they are back (Invariant 1).
 */
import type { Processes, World } from '@eterne/runtime';
import type { Arbiter, SetAnswer, SetProposal, VolumeConfig } from '../engine/api.ts';
import { createLocalArbiter } from '../engine/local-arbiter.ts';

const SAID_BYTES_MAX = 4096;

export function createAskingArbiter(
  world: Pick<World, 'processes' | 'timers'>,
  config: VolumeConfig,
): Arbiter {
  const local = createLocalArbiter(world.timers, config);
  const { peerLost } = config;
  if (peerLost === undefined) return local;
  return {
    isLocal: true,
    propose(proposal, done) {
      const lost = (proposal.removed ?? []).filter((member) => member !== config.node);
      if (lost.length === 0) local.propose(proposal, done);
      else ask(world.processes, peerLost, proposal, lost, done);
    },
  };
}

function ask(
  processes: Processes,
  { command, timeoutMs }: NonNullable<VolumeConfig['peerLost']>,
  { volume, expectedVersion, members }: SetProposal,
  lost: readonly string[],
  done: (answer: SetAnswer) => void,
): void {
  const [program, ...words] = command;
  const order = [program, ...words, volume, String(expectedVersion), ...lost] as const;
  processes.spawn({ command: order, timeoutMs, captureBytes: SAID_BYTES_MAX }, (exit) => {
    if (exit.code === 0) return done({ kind: 'committed', set: { version: expectedVersion + 1, members } });
    const said = exit.stderr.trim().split('\n').at(-1) ?? '';
    const outcome = exit.timedOut
      ? `${program} took longer than ${timeoutMs} ms`
      : (exit.startError?.message ?? `${program} ended with ${exit.signal ?? exit.code}`);
    done({ kind: 'hold', reason: `${lost.join(', ')} lost; ${outcome}${said === '' ? '' : `: ${said}`}` });
  });
}
