/**
 * How large the volume is, and how it becomes larger: by the operator's word on the primary, and wherever two replicas meet of which one is
 * larger. Size only grows, so the larger one counts.
 */
import { EterneError, formatSize } from '@eterne/base';
import { NIL_UUID, type MetadataDone, type ReplicaSummary } from '../../metadata/index.ts';
import type { Replica } from '../replica.ts';
import { Growth } from './growth.ts';
import { resize } from './resize.ts';
import { withShown } from './with-shown.ts';

export class VolumeSize {
  readonly growth: Growth;
  readonly #replica: Replica;
  #isChanging = false;
  /** Since the change began. */
  #hasMoved = false;

  constructor(replica: Replica) {
    this.#replica = replica;
    this.growth = new Growth(replica);
  }

  /** No handshake now: it would be about a size that is about to change. */
  get isChanging(): boolean {
    return this.#isChanging;
  }

  /** On the primary. `grownPeer`: has this size already. */
  resize(sizeBytes: number, grownPeer: string | undefined, done: MetadataDone): void {
    const { primary } = this.#replica;
    if (primary === undefined)
      return done(new EterneError('not-primary', 'only the primary can grow the volume'));
    if (this.#isChanging) return done(new EterneError('busy', 'the volume is growing already'));
    this.#isChanging = true;
    const parts = { replica: this.#replica, primary, growth: this.growth, sizeBytes, grownPeer };
    resize(parts, (error) => this.#changed(error, done));
  }

  /** The peer's replica is larger: this one grows before they meet. */
  level(theirs: ReplicaSummary, done: MetadataDone): void {
    const replica = this.#replica;
    const { sizeBytes } = theirs;
    if (replica.primary !== undefined) return this.resize(sizeBytes, theirs.node, done);
    if (this.#isChanging) return done(new EterneError('busy', 'this replica is growing already'));
    this.#isChanging = true;
    const finish: MetadataDone = (error) => this.#changed(error, done);
    this.growth.prepare(sizeBytes, (problem) => {
      if (problem !== undefined) return finish(problem);
      if (replica.changingRole || replica.primary !== undefined)
        return finish(new EterneError('busy', 'the role is changing'));
      replica.duties.enter();
      this.growth.commit(sizeBytes, false, (error) => {
        finish(error);
        replica.duties.leave();
      });
    });
  }

  /**
   * Something about this replica or its peers has changed. Members that are connected may be larger than what this primary shows, since a growth was cut short;
   * no meeting would tell of that. It is done again as soon as nothing is in its way.
   */
  moved(): void {
    const { changingRole, config, peers, primary, sizeBytes, world } = this.#replica;
    this.#hasMoved = this.#isChanging;
    if (this.#isChanging || changingRole || primary === undefined || primary.closed) return;
    const equal = peers.flatMap(({ session }) => (session?.isEqual === true ? [session.peerSizeBytes] : []));
    const largest = Math.max(sizeBytes, ...equal);
    if (largest === sizeBytes) return;
    this.resize(largest, undefined, (error) => {
      if (error !== undefined)
        world.log('debug', `volume ${config.name}: the growth to ${largest} bytes waits: ${error.message}`);
    });
  }

  /** A primary shows so much, so every member of the set has it. A failure is the metadata's, which tells by itself. */
  shownBy(sizeBytes: number): void {
    const { metadata } = this.#replica;
    if (metadata.state.unconfirmedBytes > 0)
      metadata.update(
        (state) => withShown(state, sizeBytes),
        () => {},
      );
  }

  /**
   * Why this replica may not serve with these members yet. Its own size may have been shown by nobody, and then a member that is smaller would show less after
   * it; or it has been shown, and it must not show less itself. Members that are smaller are met anew, and grow.
   */
  whyNotServe(members: readonly string[]): EterneError | undefined {
    const { config, metadata, peers, sizeBytes } = this.#replica;
    if (metadata.state.unconfirmedBytes === 0) return undefined;
    const isAsLarge = (node: string): boolean =>
      peers.some((peer) => peer.node === node && peer.session?.peerSizeBytes === sizeBytes);
    const doubtful = members.filter((member) => member !== config.node && !isAsLarge(member));
    for (const peer of peers) if (doubtful.includes(peer.node)) peer.reset('it grows first');
    if (doubtful.length === 0) return undefined;
    const who = doubtful.join(', ');
    return new EterneError(
      'refused',
      `a growth to ${sizeBytes} bytes was cut short, and ${who} may be smaller`,
      {
        hint: `wait until ${who} is connected, or leave it out of the in-sync set`,
      },
    );
  }

  /** This replica has grown: whoever is connected hears of it. */
  grown(): void {
    const { config, peers, sizeBytes, world } = this.#replica;
    world.log('info', `volume ${config.name} has ${formatSize(sizeBytes)} (${sizeBytes} bytes) now`);
    for (const { session } of peers) session?.tellSize(sizeBytes);
    this.#replica.changed();
  }

  #changed(error: EterneError | undefined, done: MetadataDone): void {
    this.#isChanging = false;
    if (error === undefined) this.grown();
    done(error);
    if (this.#hasMoved) this.moved();
  }
}

/** Which side has to grow before the two can meet; undefined: none, or the handshake finds why they cannot. */
export function smallerSide(mine: ReplicaSummary, theirs: ReplicaSummary): 'mine' | 'theirs' | undefined {
  if (mine.sizeBytes === theirs.sizeBytes || mine.setLayout !== theirs.setLayout) return undefined;
  const isOneVolume = [mine, theirs].some(({ volumeUuid }) => volumeUuid === NIL_UUID);
  if (mine.volumeUuid !== theirs.volumeUuid && !isOneVolume) return undefined;
  const [smaller, larger] = mine.sizeBytes < theirs.sizeBytes ? [mine, theirs] : [theirs, mine];
  // Its size is what its configuration says, and no word of the volume's.
  if (larger.justCreated) return undefined;
  return smaller === mine ? 'mine' : 'theirs';
}
