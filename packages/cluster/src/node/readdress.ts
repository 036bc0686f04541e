/** A node that is off is told where it is now. Only what it reads at its next start is changed: what the others know of it is in the ordered log. */
import { EterneError } from '@eterne/base';
import type { Address, Files } from '@eterne/runtime';
import { readIdentity, writeIdentity, type NodeIdentity } from './identity.ts';
import { membersPath } from './layout.ts';

export interface NewPlace {
  /** One per heartbeat path. */
  readonly addresses: readonly Address[];
  /** Undefined: as before. */
  readonly api: Address | undefined;
}

/**
 * Nobody else may run or change the node in `dir`. What its heart knew last of all members goes first: a start between the two knows less, and nothing that is
 * wrong. Errors: `not-found`, `config`, `io`.
 */
export function readdressNode(
  files: Files,
  dir: string,
  place: NewPlace,
  done: (result: NodeIdentity | EterneError) => void,
): void {
  readIdentity(files, dir, (identity) => {
    if (identity instanceof EterneError) return done(identity);
    const moved = movedTo(identity, place);
    files.remove(membersPath(dir), (error) => {
      if (error) return done(error);
      writeIdentity(files, dir, moved, (failed) => done(failed ?? moved));
    });
  });
}

function movedTo(identity: NodeIdentity, { addresses, api = identity.api }: NewPlace): NodeIdentity {
  const seeds = identity.seeds.map((seed) => (seed.node === identity.node ? { ...seed, addresses } : seed));
  return { ...identity, addresses, api, seeds };
}
