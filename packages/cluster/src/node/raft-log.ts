/** The embedded log of a node: where it lies and whose it is. */
import type { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { createEmbeddedLog } from '../raft/embedded-log.ts';
import type { LogIdentity } from '../raft/storage/format.ts';
import { memberIdOf } from '../raft/types.ts';
import type { NodeIdentity } from './identity.ts';
import { writeMarker, type LogMarker } from './log-marker.ts';
import { raftFolder, raftLogPath } from './layout.ts';

export function logIdentity({ clusterId, node, voterId }: NodeIdentity, epoch = 0): LogIdentity {
  return { cluster: epoch === 0 ? clusterId : `${clusterId}/${epoch}`, member: memberIdOf(node, voterId) };
}

/** For `cluster init` and `cluster join` only, once, before DIR/node.json is written: a log that is missing later is a loss. */
export function createNodeLog(
  world: Pick<World, 'files' | 'random'>,
  dir: string,
  identity: NodeIdentity,
  { epoch, consensus }: LogMarker,
  done: (error: EterneError | undefined) => void,
): void {
  world.files.makeFolder(raftFolder(dir), (error) => {
    if (error) return done(error);
    const begin = (): void => {
      if (consensus.engine === 'etcd') return done(undefined);
      const own = logIdentity(identity, epoch);
      createEmbeddedLog(world, raftLogPath(dir, epoch), own, identity.founder, done);
    };
    if (epoch === 0) return begin();
    writeMarker(world.files, dir, { epoch, consensus }, (failed) => (failed ? done(failed) : begin()));
  });
}
