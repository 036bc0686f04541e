/** The embedded log of a node: where it lies and whose it is. */
import type { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { createEmbeddedLog } from '../raft/embedded-log.ts';
import type { LogIdentity } from '../raft/storage/format.ts';
import { memberIdOf } from '../raft/types.ts';
import type { NodeIdentity } from './identity.ts';
import { raftFolder, raftLogPath } from './layout.ts';

export function logIdentity({ clusterId, node, voterId }: NodeIdentity): LogIdentity {
  return { cluster: clusterId, member: memberIdOf(node, voterId) };
}

/** For `cluster init` and `cluster join` only, once, before DIR/node.json is written: a log that is missing later is a loss. */
export function createNodeLog(
  world: Pick<World, 'files' | 'random'>,
  dir: string,
  identity: NodeIdentity,
  done: (error: EterneError | undefined) => void,
): void {
  world.files.makeFolder(raftFolder(dir), (error) => {
    if (error) return done(error);
    createEmbeddedLog(world, raftLogPath(dir), logIdentity(identity), identity.founder, done);
  });
}
