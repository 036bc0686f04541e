/**
 * The replicated state is one state: every node applies the same command at the same place of the log and comes to the same state by it, in all
 * its lives; and a read behind a barrier sees everything that was applied anywhere before the read began. Writes take effect at
 * their place in the log, so together this is linearizability.
 */
import { crc32c } from '@eterne/base';
import type { Command } from '@eterne/cluster/state/commands.ts';
import type { ClusterState } from '@eterne/cluster/state/model.ts';
import type { Universe } from '../world/universe.ts';

/** The whole state is compared after every so many entries. */
const STATE_EVERY = 8;

interface Applied {
  readonly node: string;
  readonly command: string;
  readonly stateChecksum: number | undefined;
}

/** The same for the same state, also for one that came out of a snapshot with its fields in another order. */
export function canonical(state: ClusterState): Buffer {
  const text = JSON.stringify(state, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return Buffer.from(text);
}

export class AgreementChecker {
  private readonly universe: Universe;
  private readonly entries = new Map<number, Applied>();
  /** Number of the newest event that any node has applied; it only rises along the log. */
  private newestEvent = 0;
  /** Reads behind a barrier that were answered and judged. */
  reads = 0;

  constructor(universe: Universe) {
    this.universe = universe;
  }

  applied(node: string, index: number, command: Command, state: ClusterState): void {
    this.newestEvent = Math.max(this.newestEvent, state.eventId);
    const stateChecksum = index % STATE_EVERY === 0 ? crc32c(canonical(state)) : undefined;
    const mine: Applied = { node, command: JSON.stringify(command), stateChecksum };
    const known = this.entries.get(index);
    if (known === undefined) {
      this.entries.set(index, mine);
      return;
    }
    const where = `entry ${index} of the log at ${known.node} and at ${node}`;
    if (known.command !== mine.command)
      this.universe.violate('agreement', `${where}: ${known.command} and ${mine.command}`);
    else if (known.stateChecksum !== stateChecksum)
      this.universe.violate('agreement', `${where} leads to different states: ${mine.command}`);
  }

  /** A read begins now. Call what it returns with the state that the node shows when its barrier has been passed. */
  beginRead(node: string): (state: ClusterState) => void {
    const seenBefore = this.newestEvent;
    const begunMs = this.universe.nowMs;
    return (state) => {
      this.reads += 1;
      if (state.eventId < seenBefore)
        this.universe.violate(
          'agreement',
          `a read at ${node} begun at ${begunMs.toFixed(1)} shows event ${state.eventId}, but event ${seenBefore} had been applied before`,
        );
    };
  }
}
