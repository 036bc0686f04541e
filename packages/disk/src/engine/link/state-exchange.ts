import { EterneError } from '@eterne/base';
import {
  NIL_UUID,
  bitmapFor,
  divided,
  isAhead,
  type DirtyBitmap,
  type Generations,
  type MetadataState,
} from '../../metadata/index.ts';
import { encodeNumber } from '../../protocol/messages/number.ts';
import { encodeState, type StateMessage } from '../../protocol/messages/state.ts';
import { FrameType } from '../../protocol/wire.ts';
import { withShown } from '../resize/with-shown.ts';
import type { Peer } from './peer.ts';
import type { Session } from './session.ts';

const MAX_UNACKNOWLEDGED = 256;

/**
 * STATE and STATE_ACK of one session: each side tells the other what it has become. A received STATE is durable here before it is
 * acknowledged and before any later frame is looked at. A primary's word is acknowledged only when sessions with older ones are over
 * and nothing of theirs is on its way to the disk (invariant 2).
 */
export class StateExchange {
  readonly #session: Session;
  readonly #peer: Peer;
  readonly #waiting = new Map<number, () => void>();
  #nextId = 0;

  constructor(session: Session, peer: Peer) {
    this.#session = session;
    this.#peer = peer;
  }

  announce(state: Omit<StateMessage, 'id'>, acknowledged: () => void): void {
    if (this.#waiting.size >= MAX_UNACKNOWLEDGED)
      return this.#session.close('the peer does not answer what it is told');
    const id = this.#nextId++;
    this.#waiting.set(id, acknowledged);
    this.#session.sender.send(FrameType.state, encodeState({ ...state, id }));
  }

  acknowledged(id: number): void {
    const then = this.#waiting.get(id);
    if (then === undefined) throw new EterneError('protocol', 'a STATE is acknowledged that was not sent');
    this.#waiting.delete(id);
    then();
  }

  close(): void {
    this.#waiting.clear();
  }

  received(state: StateMessage): void {
    const session = this.#session;
    const { replica } = session;
    const problem = this.#problem(state);
    if (problem !== undefined) return session.close(problem);
    if (replica.roleChange?.conflictsWith(session.peerNode, state) ?? false) return;
    session.duty(
      (done) => {
        const endRivals = (then: () => void): void => {
          if (state.role === 'primary') replica.endRivals(state.term, this.#peer, then);
          else then();
        };
        endRivals(() => {
          // A session that the end of a rival has brought in doubt is closed by now.
          session.updateIfOpen(
            (mine) => this.#merged(mine, state),
            (error) => {
              if (error !== undefined || session.phase === 'closed') return done(error);
              session.peerBecame(state);
              // What has begun meanwhile did not know of this primary.
              endRivals(() => done(undefined));
            },
          );
        });
      },
      () => {
        session.sender.send(FrameType.stateAck, encodeNumber(state.id));
        this.#meetThirdsAnew(state);
      },
    );
  }

  #problem(state: StateMessage): string | undefined {
    const { primary, metadata, roleChange } = this.#session.replica;
    const known = roleChange?.taken ?? metadata.state.term;
    if (state.role === 'secondary') return undefined;
    if (state.term.number < known.number) return `a primary of term ${state.term.number} is outdated`;
    if (state.term.number === known.number && state.term.grantor !== known.grantor)
      return `term ${known.number} was granted twice`;
    if (primary === undefined) return undefined;
    if (state.term.grantor === known.grantor)
      primary.end(`${this.#session.peerNode} is primary of term ${state.term.number}`);
    return 'the peer has become primary';
  }

  #merged(mine: MetadataState, state: StateMessage): MetadataState {
    const { replica, isEqual } = this.#session;
    if (this.#wouldGiveWay(mine, state)) return mine;
    const isLater =
      state.term.number > mine.term.number ||
      (state.term.number === mine.term.number &&
        state.term.grantor === mine.term.grantor &&
        state.set.version > mine.set.version);
    // A secondary passes on nothing: it has its set from a primary, and this side may know a newer one.
    if (state.role === 'secondary' || replica.primary !== undefined)
      return isLater && replica.primary === undefined ? { ...mine, term: state.term, set: state.set } : mine;
    const known = withShown(mine, this.#session.peerSizeBytes);
    const next: MetadataState = isLater ? { ...known, term: state.term, set: state.set } : known;
    if (!isEqual) return next;
    const isMember = next.set.members.includes(replica.config.node);
    const counted = this.#countingForThirds(next.generations, state.equal);
    return {
      ...next,
      volumeUuid: state.volumeUuid,
      diskState: isMember ? 'UpToDate' : 'Consistent',
      generations: state.current === counted.current ? counted : divided(counted, state.current, []),
    };
  }

  /** By a term of another grantor, though nothing has settled what is here and not there (`after-handshake.ts`). */
  #wouldGiveWay({ term }: MetadataState, state: StateMessage): boolean {
    const { peerNode, phase, replica, theirs } = this.#session;
    if (phase !== 'waiting' || term.grantor === state.term.grantor) return false;
    return isAhead(replica.summaryFor(peerNode, ''), theirs);
  }

  /**
   * Third replicas that the primary calls equal need no bits here either: this side has, in its own order, what the primary has, and
   * whatever is still on its way is unsettled. For all others bits are kept, first of all for the unsettled blocks.
   */
  #countingForThirds(generations: Generations, equal: readonly string[]): Generations {
    const { metadata, unsettled } = this.#session.replica;
    const bitmaps = { ...generations.bitmaps };
    for (const third of metadata.peers) {
      if (third === this.#session.peerNode) continue;
      const bitmap = metadata.bitmap(third);
      if (equal.includes(third)) {
        if (bitmap.dirtyBlocks > 0) this.#clear(bitmap);
        bitmaps[third] = NIL_UUID;
      } else if (bitmapFor(generations, third) === NIL_UUID) {
        unsettled.forEachRun((offset, lengthBytes) => bitmap.markDirty(offset, lengthBytes));
        bitmaps[third] = generations.current;
      }
    }
    return { ...generations, bitmaps };
  }

  /** Durable at leisure: a bit that comes back costs a copy, and nobody waits for it. A failure is the metadata's, which tells by itself. */
  #clear(bitmap: DirtyBitmap): void {
    bitmap.clear(0, this.#session.replica.sizeBytes);
    bitmap.persist(() => {});
  }

  /** Sessions with third replicas that were judged by what has changed now begin anew. */
  #meetThirdsAnew({ role, equal }: StateMessage): void {
    if (role !== 'primary' || !this.#session.isEqual) return;
    for (const third of this.#session.replica.peers) {
      if (third === this.#peer) continue;
      const phase = third.session?.phase;
      const isInDoubt = phase === 'established' && third.bitmap.dirtyBlocks > 0;
      if (equal.includes(third.node) ? phase === 'waiting' : isInDoubt)
        third.reset(`${this.#session.peerNode} sees it differently`);
    }
  }
}
