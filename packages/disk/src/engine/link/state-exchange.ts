import { EterneError } from '@eterne/base';
import { divided, type MetadataState } from '../../metadata/index.ts';
import { encodeNumber } from '../../protocol/messages/number.ts';
import { encodeState, type StateMessage } from '../../protocol/messages/state.ts';
import { FrameType } from '../../protocol/wire.ts';
import type { Session } from './session.ts';

const MAX_UNACKNOWLEDGED = 256;

/**
 * STATE and STATE_ACK of one session: each side tells the other what it has become. A received STATE is durable here before it is
 * acknowledged and before any later frame is looked at.
 */
export class StateExchange {
  readonly #session: Session;
  readonly #waiting = new Map<number, () => void>();
  #nextId = 0;

  constructor(session: Session) {
    this.#session = session;
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
    session.updateDuty(
      (mine) => this.#merged(mine, state),
      () => {
        session.peerBecame(state);
        session.sender.send(FrameType.stateAck, encodeNumber(state.id));
      },
    );
  }

  #problem(state: StateMessage): string | undefined {
    const { primary, metadata } = this.#session.replica;
    const known = metadata.state.term;
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
    const { replica, isEqual, peerNode } = this.#session;
    const isLater =
      state.term.number > mine.term.number ||
      (state.term.number === mine.term.number &&
        state.term.grantor === mine.term.grantor &&
        state.set.version > mine.set.version);
    // A secondary passes on nothing: it has its set from a primary, and this side may know a newer one.
    if (state.role === 'secondary' || replica.primary !== undefined)
      return isLater && replica.primary === undefined ? { ...mine, term: state.term, set: state.set } : mine;
    const next: MetadataState = isLater ? { ...mine, term: state.term, set: state.set } : mine;
    if (!isEqual) return next;
    const isMember = next.set.members.includes(replica.config.node);
    const renamed =
      state.current === next.generations.current
        ? next.generations
        : divided(
            next.generations,
            state.current,
            state.lacking.filter((peer) => peer !== replica.config.node && peer !== peerNode),
          );
    return {
      ...next,
      volumeUuid: state.volumeUuid,
      diskState: isMember ? 'UpToDate' : 'Consistent',
      generations: renamed,
    };
  }
}
