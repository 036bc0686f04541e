import { EterneError, assert } from '@eterne/base';
import type { Address, Stream, Timer } from '@eterne/runtime';
import type { DirtyBitmap, HandshakeDecision, ReplicaSummary } from '../../metadata/index.ts';
import type { VerifyRequest } from '../../protocol/messages/verify.ts';
import type { PathNote } from '../../protocol/wire.ts';
import type { PeerStatus } from '../api.ts';
import type { Mirror, MirrorLink } from '../primary/mirror.ts';
import { peerBit } from '../primary/write-op.ts';
import { Gauge } from '../gauge.ts';
import type { Replica } from '../replica.ts';
import { ownChanges } from '../split-brain/own-changes.ts';
import type { SideReport, SplitBrainReport } from '../split-brain/report.ts';
import { VerifyFigures } from '../verify/verify-figures.ts';
import { Connections } from './connections.ts';
import { sameLives, type Lives } from './lives.ts';
import { ResyncFigures } from './resync-figures.ts';
import { Session } from './session.ts';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 400;

/**
 * One peer of a replica, connected or not. Of two nodes the one with the lower name dials, the other accepts: there is never a
 * second connection to choose between. A dialer that comes again has given the old connection up; the acceptor turns it away until it
 * has noticed by itself (at once, or by silence) and dealt with the loss: its HELLO must tell what is dirty since then.
 */
export class Peer implements Mirror {
  readonly replica: Replica;
  readonly node: string;
  readonly bit: number;
  readonly figures: ResyncFigures;
  readonly verifyFigures: VerifyFigures;
  /** What came from this peer and has not left the store yet. */
  readonly foreign: Gauge;
  /** As it last said: as a primary it goes on with nothing that this replica lacks (`onPeerLost: freeze`). */
  waitsWhenLost = false;
  readonly #connections: Connections;
  readonly #isDialer: boolean;
  #lives: Lives | undefined;
  #session: Session | undefined;
  /** Accepted, and silent so far. */
  #candidate: Session | undefined;
  #standAlone = false;
  /** Its replica was taken out of the volume: it is nobody's business any more. */
  #isRetired = false;
  /** Why; until the two are together again. */
  #splitBrain: string | undefined;
  /** Why no copy into this replica may begin until the operator connects again, or what it hints at has happened. */
  #paused: EterneError | undefined;
  #hasOpenedCopy = false;
  /** The node whose changes the operator, or the settlement under way, throws away; empty: none. */
  #discards = '';
  #retryMs = FIRST_RETRY_MS;
  /** Why the last handshake led to nothing; told once. */
  #rejectedFor: string | undefined;
  #dialing = false;
  #retry: Timer | undefined;
  #closed = false;

  constructor(
    replica: Replica,
    node: string,
    index: number,
    addresses: readonly Address[],
    lives: Lives | undefined,
  ) {
    this.replica = replica;
    this.node = node;
    this.#lives = lives;
    this.bit = peerBit(index);
    this.figures = new ResyncFigures(replica.world.clock);
    this.verifyFigures = new VerifyFigures(replica.world.clock, replica.metadata);
    this.foreign = new Gauge(replica.disk.foreign);
    this.#connections = new Connections(replica.world, replica.config, node, addresses);
    this.#isDialer = replica.config.node < node;
  }

  get bitmap(): DirtyBitmap {
    return this.replica.metadata.bitmap(this.node);
  }

  get link(): MirrorLink | undefined {
    return this.#session?.replicates === true ? this.#session : undefined;
  }

  /** The session, once its handshake is over. */
  get session(): Session | undefined {
    return this.#session?.isConnected === true ? this.#session : undefined;
  }

  start(): void {
    this.#dial();
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** For a primary this is a loss like any other: it goes on when the in-sync set is without it. */
  retire(): void {
    this.#isRetired = true;
    this.disconnect('its replica was taken out of the volume');
  }

  /** Which member of the cluster is meant by its name; undefined: nobody has told. */
  get lives(): Lives | undefined {
    return this.#lives;
  }

  get life(): string | undefined {
    return this.#lives?.peer;
  }

  /** From now on; what was said to, and by, whoever was meant before counts no more. */
  mean(lives: Lives | undefined): void {
    if (sameLives(lives, this.#lives)) return;
    this.#lives = lives;
    this.#hangUp('which member of the cluster it is has changed');
  }

  /** Where it is from now on; one that was retired is taken up again. */
  readdress(addresses: readonly Address[]): void {
    const isLost = this.#connections.readdress(addresses);
    if (isLost && this.#isDialer) this.#hangUp('it has other addresses now');
    if (!this.#isRetired) return;
    this.#isRetired = false;
    this.connect();
  }

  /** Lets the peer in, or dials it, again. */
  connect(): void {
    if (this.#isRetired) return;
    this.#standAlone = false;
    this.#splitBrain = undefined;
    this.#paused = undefined;
    if (this.#session?.isConnected !== true) this.#hangUp('connecting anew');
    this.#retryMs = FIRST_RETRY_MS;
    this.replica.changed();
    this.#dial();
  }

  get isParted(): boolean {
    return this.#splitBrain !== undefined;
  }

  /** What both sides changed since they parted; `refused` when there is no split brain with this peer. */
  explainSplitBrain(done: (result: SplitBrainReport | EterneError) => void): void {
    const reason = this.#splitBrain;
    if (reason === undefined)
      return done(new EterneError('refused', `there is no split brain with ${this.node}`));
    ownChanges(this.replica, this.bitmap, (local) => {
      const tell = (answer: SideReport | string): void =>
        typeof answer === 'string'
          ? done({ peer: this.node, reason, local, remote: null, remoteNote: answer })
          : done({ peer: this.node, reason, local, remote: answer, remoteNote: '' });
      const talk = this.#session?.talk;
      if (talk === undefined) tell(`${this.node} is not connected`);
      else talk.ask(tell);
    });
  }

  /** It had begun a copy into this replica, which paused it: what it has may have a name of its own by now. */
  get hasOpenedCopy(): boolean {
    return this.#hasOpenedCopy;
  }

  get discards(): string {
    return this.#discards;
  }

  /** The operator's word in a split brain: `victim`, this node or the peer, loses what it changed. */
  resolve(victim: string): void {
    this.#discards = victim;
    this.connect();
  }

  get isPaused(): boolean {
    return this.#paused !== undefined;
  }

  /** The copy into this replica cannot go on. */
  pause(why: EterneError): void {
    this.complain(`the copy is paused: ${why.message}`);
    this.#paused = why;
    this.#hasOpenedCopy = true;
    this.#standAlone = true;
    this.#hangUp(why.message);
    this.replica.changed();
  }

  disconnect(reason: string): void {
    this.#standAlone = true;
    this.#paused = undefined;
    this.#discards = '';
    this.#hangUp(reason);
    this.replica.changed();
  }

  /** Ends the present session, if any; a new one follows. */
  reset(reason: string): void {
    this.#hangUp(reason);
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#hangUp('this node is shutting down');
  }

  /** Begins to compare or repair; without a connection, a `fast` verify goes by this side's bitmap alone. */
  startVerify(request: VerifyRequest): EterneError | undefined {
    if (this.session?.verification !== undefined) return this.session.verification.start(request);
    if (request.job !== 'fast')
      return new EterneError('unreachable', `${this.node} is not connected`, { hint: 'connect it first' });
    const { sizeBytes } = this.replica;
    const figures = { checkedBytes: sizeBytes, differingBytes: this.bitmap.dirtyBytes, wireBytes: 0 };
    this.verifyFigures.begun('fast');
    this.verifyFigures.ended({ isDone: true, reason: 'not connected: by the own bitmap', ...figures });
    return undefined;
  }

  accept(stream: Stream, path?: PathNote): void {
    if (path?.kind !== 'join' && !this.#isWelcome) return stream.destroy();
    this.#connections.accept(stream, path, (ready) => this.#accepted(ready));
  }

  get #isWelcome(): boolean {
    return !this.#closed && !this.#standAlone && !this.#isDialer && this.#session === undefined;
  }

  #accepted(stream: Stream): boolean {
    if (!this.#isWelcome) {
      stream.destroy();
      return false;
    }
    this.#candidate?.close('another connection came');
    this.#candidate = new Session(this, stream, false);
    this.#candidate.start();
    return true;
  }

  status(): PeerStatus {
    const { replica, session } = this;
    const paused = this.#paused;
    const isCopying = session?.replication === 'SyncSource' || session?.replication === 'SyncTarget';
    return {
      node: this.node,
      ...(this.life === undefined ? {} : { life: this.life }),
      connection:
        this.#standAlone || this.isParted ? 'StandAlone' : session === undefined ? 'Connecting' : 'Connected',
      replication: paused === undefined ? (session?.replication ?? 'Off') : 'PausedSync',
      disk: this.#diskState(session),
      role: session?.peerRole ?? 'secondary',
      dirtyBytes: this.bitmap.dirtyBytes,
      lagBytes: session?.lagBytes ?? 0,
      lagMs: session?.lagMs ?? 0,
      splitBrain: this.isParted,
      ...(paused === undefined ? {} : { paused: { reason: paused.message, goesOn: paused.hint ?? '' } }),
      paths: this.#connections.paths,
      resync: this.figures.status(isCopying && replica.disk.takesWrites),
      verify: this.verifyFigures.progress,
      lastVerify: this.verifyFigures.last,
    };
  }

  /** A peer that is away is judged by the set alone. */
  #diskState(session: Session | undefined): PeerStatus['disk'] {
    const isMember = this.replica.metadata.state.set.members.includes(this.node);
    if (session === undefined) return isMember ? 'Consistent' : 'Outdated';
    if (!session.isEqual || session.isLender) return session.peerDisk;
    return isMember || this.replica.config.mode === 'async' ? 'UpToDate' : 'Consistent';
  }

  // What the session reports.

  /** May a handshake begin, or end, now? */
  mayMeet(): boolean {
    const { replica } = this;
    if (this.#closed || this.#standAlone || replica.changingRole || replica.size.isChanging) return false;
    return replica.primary === undefined || replica.primary.mayMeet(this.node);
  }

  /** A valid HELLO came on an accepted connection: it is the session now. */
  takeOver(): void {
    assert(this.#candidate !== undefined && this.#session === undefined, 'one session at a time');
    this.#session = this.#candidate;
    this.#candidate = undefined;
  }

  /** A primary that meets a newer term of its own grantor is one no more. Different grantors: a split brain, for the handshake to find. */
  metNewerTerm(theirs: ReplicaSummary): boolean {
    const { primary, metadata } = this.replica;
    const { term } = metadata.state;
    if (primary === undefined || theirs.term.grantor !== term.grantor || theirs.term.number <= term.number)
      return false;
    primary.end(`${this.node} knows term ${theirs.term.number}`);
    this.#session?.close('a newer term is known');
    return true;
  }

  /**
   * A split brain. While nobody has settled it the session stays, so that both sides can tell what they changed; no data flows. Where
   * it is settled and the loser is primary, that one steps down, and the next handshake carries the settlement out.
   */
  parted({ reason, victim }: Extract<HandshakeDecision, { kind: 'split-brain' }>): void {
    const { primary } = this.replica;
    this.complain(`split brain: ${reason}`);
    this.#splitBrain = reason;
    this.replica.changed();
    if (victim === undefined) return this.#session?.part();
    this.#retryMs = MAX_RETRY_MS;
    if (victim === this.replica.config.node) this.#discards = victim;
    this.#session?.bye(reason);
    if (victim === this.replica.config.node) primary?.end(reason);
  }

  rejected(decision: HandshakeDecision): void {
    this.complain(decision.reason);
    this.#retryMs = MAX_RETRY_MS;
    if (decision.kind === 'refuse') return this.#session?.bye(decision.reason);
    // The other side comes to the same decision by itself; it must get our HELLO, so the connection is ended, not torn.
    this.#standAlone = true;
    this.#session?.bye(decision.reason);
  }

  connected(reason: string): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.#rejectedFor = undefined;
    this.#splitBrain = undefined;
    this.#discards = '';
    this.#hasOpenedCopy = false;
    this.replica.world.log(
      'info',
      `volume ${this.replica.config.name}: connected with ${this.node}: ${reason}`,
    );
    this.replica.changed();
  }

  replicating(): void {
    this.replica.primary?.peerReplicating();
    this.replica.changed();
  }

  naming(): void {
    this.replica.primary?.peerGetsName(this);
  }

  equal(): void {
    this.replica.primary?.peerCaughtUp(this);
    this.replica.changed();
  }

  sessionClosed(session: Session, reason: string, wasReplicating: boolean): void {
    if (session === this.#candidate) this.#candidate = undefined;
    if (session !== this.#session) return;
    this.#session = undefined;
    if (session.wasConnected)
      this.replica.world.log('info', `volume ${this.replica.config.name}: lost ${this.node}: ${reason}`);
    if (wasReplicating) this.replica.primary?.peerLost(this);
    if (session.peerRole === 'primary') this.replica.leaderLost(this);
    this.replica.changed();
    this.#dialLater();
  }

  /** Once for each reason, however often it is tried again. */
  complain(reason: string): void {
    if (reason !== this.#rejectedFor)
      this.replica.world.log('warn', `volume ${this.replica.config.name}: ${this.node}: ${reason}`);
    this.#rejectedFor = reason;
  }

  #hangUp(reason: string): void {
    this.#candidate?.close(reason);
    if (this.#session?.isConnected === true || this.#session?.phase === 'parted') this.#session.bye(reason);
    else this.#session?.close(reason);
  }

  #dialLater(): void {
    if (!this.#isDialer || this.#closed || this.#retry !== undefined) return;
    this.#retry = this.replica.world.timers.after(this.#retryMs, () => {
      this.#retry = undefined;
      this.#dial();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  #dial(): void {
    if (!this.#isDialer || this.#closed || this.#standAlone || this.#dialing) return;
    if (this.#session !== undefined || this.#retry !== undefined) return;
    if (!this.mayMeet()) return this.#dialLater();
    this.#dialing = true;
    this.#connections.dial((result) => {
      this.#dialing = false;
      if (result instanceof EterneError) this.#dialLater();
      else this.#dialled(result);
    });
  }

  #dialled(stream: Stream): void {
    if (this.#closed || this.#standAlone) return stream.destroy();
    this.#session = new Session(this, stream, true);
    this.#session.start();
  }
}
