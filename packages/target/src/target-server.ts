/**
 * An iSCSI target node: portals, connections, and the sessions of its targets.
 *
 * Duties:
 * 1. One session for each initiator port and target. A new login of the same port ends the older session (RFC 7143 §6.3.5), and gets its
 *    own only when nothing of the older one can touch the medium any more.
 * 2. What has waited in a process that stood still (stopped, starved, suspended) for longer than `STALE_MS` is not obeyed: its initiator may have given the path up and
 *    repeated its writes by another, and newer ones after them. The connections end.
 */
import { EterneError, assert, whenAll } from '@eterne/base';
import { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import { BEAT_MS, STALE_MS } from '@eterne/disk/process/front-stream.ts';
import { ASYNC_EVENT, LOGIN_STATUS } from '@eterne/iscsi';
import type { Address, Listener, Stream, Timer, World } from '@eterne/runtime';
import type { TargetSpec } from './config.ts';
import { LOGOUT_WAIT_MS, MAX_CONNECTIONS } from './limits.ts';
import { ONLY_PORT, type TargetPort } from './scsi/ports.ts';
import type { ScsiTarget } from './scsi/scsi-target.ts';
import type { ChapCredentials } from './session/chap-exchange.ts';
import {
  Connection,
  type ConnectionNumbers,
  type ConnectionOwner,
  type ConnectionPath,
  type LeavingConnection,
} from './session/connection.ts';
import type { TargetProcess } from './process/target-process.ts';
import { mayLogIn, type LoginSubject } from './session/login.ts';
import { Session, type SessionHost } from './session/session.ts';

export type TargetWorld = Pick<World, 'network' | 'timers' | 'clock' | 'random' | 'log'>;

export interface ServedTarget {
  readonly scsi: ScsiTarget;
  /** Allowed initiator names; empty: any. */
  readonly initiators: readonly string[];
  readonly chap: ChapCredentials | undefined;
}

/** Served by another process, which is given the connections of its initiators. */
interface ForwardedTarget {
  readonly process: Pick<TargetProcess, 'answers' | 'giveStream'>;
  readonly initiators: readonly string[];
}

const MAX_TSIH = 0xffff;

export class TargetServer {
  readonly #world: TargetWorld;
  /** Undefined: announced, and not served now. */
  readonly #targets = new Map<string, ServedTarget | undefined>();
  readonly #forwarded = new Map<string, ForwardedTarget>();
  readonly #connections = new Set<Connection>();
  /** By target and initiator port; a session stays here until it has closed. */
  readonly #sessions = new Map<string, { readonly session: Session; readonly connection: Connection }>();
  readonly #listeners: Listener[] = [];
  /** Of the process that listens, when that is another one. */
  #portals: readonly Address[] = [];
  readonly #owner: ConnectionOwner;
  readonly #clock: Timer;
  /** Of a server that is closing: no session is left. */
  #onEmpty: (() => void) | undefined;
  #movedBootMs: number;
  #lastTsih = 0;

  /** `memory`: shared with the logical units that use memory again. */
  constructor(world: TargetWorld, memory = new BufferSlabs()) {
    this.#world = world;
    this.#movedBootMs = world.clock.bootMs();
    this.#clock = world.timers.every(BEAT_MS, () => (this.#movedBootMs = world.clock.bootMs()));
    this.#owner = {
      memory,
      directory: { find: (name) => this.#find(name) },
      listTargets: (initiatorName) => this.#listTargets(initiatorName),
      portalsBeside: (path) => this.#portalsBeside(path),
      open: (subject, tsih, host, numbers, done) => this.#open(subject, tsih, host, numbers, done),
      // Only before the timers have run again, which is when what has waited is read.
      hasStoodStill: () => world.clock.bootMs() - this.#movedBootMs > STALE_MS,
      handOver: (name, connection, surplus, answered) => this.#handOver(name, connection, surplus, answered),
      dropOthers: (session) => this.#dropOthers(session),
      onClosed: (connection, session, reason) => this.#closed(connection, session, reason),
    };
  }

  /** Bound addresses, with the real ports where 0 was asked for. */
  get addresses(): readonly Address[] {
    return this.#listeners.map(({ address }) => address);
  }

  get sessions(): readonly { readonly session: Session; readonly connection: Connection }[] {
    return [...this.#sessions.values()];
  }

  /** Those that are served now. */
  get targets(): readonly ServedTarget[] {
    return [...this.#targets.values()].filter((target) => target !== undefined);
  }

  listen(address: Address, done: (error: EterneError | undefined) => void): void {
    this.#world.network.listen(
      address,
      (stream) => this.admit(stream, { portal: stream.localAddress, port: ONLY_PORT }),
      (result) => {
        if (result instanceof EterneError) return done(result);
        this.#listeners.push(result);
        done(undefined);
      },
    );
  }

  /** Initiators find this target, and are told to come again while nobody serves it. */
  announce(name: string): void {
    if (!this.#targets.has(name)) this.#targets.set(name, undefined);
  }

  /** Initiators find this target, and are handed over to the process that serves it. */
  forward(
    { iqn, initiators }: Pick<TargetSpec, 'iqn' | 'initiators'>,
    process: ForwardedTarget['process'],
  ): void {
    this.#forwarded.set(iqn, { process, initiators });
  }

  /** Initiators are told of these; they come here by way of another process. */
  announcePortals(addresses: readonly Address[]): void {
    this.#portals = addresses;
  }

  /** From now on initiators find this target. */
  serve(target: ServedTarget): void {
    assert(this.#targets.get(target.scsi.name) === undefined, 'a target is served once');
    this.#targets.set(target.scsi.name, target);
  }

  /** Nobody serves the target now: its connections are cut and held commands never answered; `done` when none can touch the medium any more. */
  withdraw(name: string, done: () => void): void {
    this.#targets.set(name, undefined);
    const ending = [...this.#sessions.values()].filter(({ session }) => session.target?.name === name);
    closeAll(
      ending.map(({ session }) => session),
      done,
    );
    for (const { connection } of ending) connection.cut('the target has ended');
  }

  /** Initiators are asked to log out (§11.9), so that nothing of theirs is half done; who has not after `LOGOUT_WAIT_MS` is cut. */
  close(done: () => void): void {
    for (const listener of this.#listeners) listener.close();
    for (const { session } of this.#sessions.values())
      session.announce(ASYNC_EVENT.logoutRequest, [0, 0, LOGOUT_WAIT_MS / 1000]);
    const wait = this.#world.timers.after(LOGOUT_WAIT_MS, () => this.#onEmpty?.());
    this.#onEmpty = () => {
      this.#onEmpty = undefined;
      wait.cancel();
      this.#cutAll(done);
    };
    if (this.#sessions.size === 0) this.#onEmpty();
  }

  #cutAll(done: () => void): void {
    this.#clock.cancel();
    closeAll(
      [...this.#sessions.values()].map(({ session }) => session),
      done,
    );
    for (const connection of this.#connections) connection.cut('the target is closing');
  }

  #find(name: string): ReturnType<ConnectionOwner['directory']['find']> {
    const forwarded = this.#forwarded.get(name);
    if (forwarded !== undefined) return forwarded.process.answers ? 'elsewhere' : 'unavailable';
    if (!this.#targets.has(name)) return undefined;
    const target = this.#targets.get(name);
    return target === undefined ? 'unavailable' : { name, initiators: target.initiators, chap: target.chap };
  }

  /** One that is not served now is anybody's to try: who may log in is known when it is. */
  #listTargets(initiatorName: string): readonly string[] {
    return [...this.#targets, ...this.#forwarded]
      .filter(([, target]) => target === undefined || mayLogIn(initiatorName, target))
      .map(([name]) => name);
  }

  /** A portal that listens on every address of the machine is reached at the one the initiator came to. */
  #portalsBeside({ portal }: ConnectionPath): readonly Address[] {
    const host = portal.slice(0, portal.lastIndexOf(':'));
    const others = [...this.addresses, ...this.#portals].map((address) =>
      address.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, host),
    );
    return [...new Set([portal, ...others])];
  }

  /** A connection of which nothing has been read, or that begins again: `answered` of its login requests have had their answer. */
  admit(stream: Stream, path: ConnectionPath, answered = 0): void {
    if (this.#connections.size >= MAX_CONNECTIONS) return stream.destroy();
    this.#connections.add(new Connection(stream, path, this.#world, this.#owner, answered));
  }

  #handOver(name: string, { stream, path }: LeavingConnection, surplus: Buffer, answered: number): void {
    const { portal } = path;
    this.#forwarded.get(name)?.process.giveStream({ portal, answered }, stream, surplus);
  }

  #open(
    subject: LoginSubject,
    tsih: number,
    host: SessionHost & { readonly path: ConnectionPath },
    numbers: ConnectionNumbers,
    done: (result: Session | number) => void,
  ): void {
    // A session has one connection (MaxConnections=1), so nobody can join one.
    if (tsih !== 0) return done(LOGIN_STATUS.sessionDoesNotExist);
    const targetPort = host.path.port;
    const key = keyOf(subject, targetPort);
    const older = this.#sessions.get(key);
    if (older !== undefined) {
      older.session.close(() => {
        if (this.#sessions.get(key) === older) this.#sessions.delete(key);
        this.#open(subject, tsih, host, numbers, done);
      });
      return older.connection.cut('the initiator has logged in again');
    }
    const served = subject.target && this.#targets.get(subject.target.name);
    if (subject.target !== undefined && served === undefined) return done(LOGIN_STATUS.serviceUnavailable);
    const identity = {
      ...subject,
      targetPort,
      cid: numbers.cid,
      tsih: this.#takeTsih(),
      target: served?.scsi,
    };
    const session = new Session(identity, host, numbers.cmdSn, numbers.statSn);
    this.#sessions.set(key, { session, connection: host as Connection });
    done(session);
  }

  #takeTsih(): number {
    this.#lastTsih = this.#lastTsih === MAX_TSIH ? 1 : this.#lastTsih + 1;
    return this.#lastTsih;
  }

  /** TARGET COLD RESET ends the sessions of the target (RFC 7143 §11.5.1); the one that asked gets its answer. */
  #dropOthers(asking: Session): void {
    for (const { session, connection } of this.#sessions.values()) {
      if (session === asking || session.target !== asking.target) continue;
      session.announce(ASYNC_EVENT.dropAll);
      connection.end('target cold reset');
    }
  }

  #closed(connection: Connection, session: Session | undefined, reason: string): void {
    this.#connections.delete(connection);
    this.#world.log('debug', 'an iSCSI connection has closed', { reason, initiator: session?.initiatorName });
    session?.close(() => {
      for (const [key, entry] of this.#sessions) if (entry.session === session) this.#sessions.delete(key);
      if (this.#sessions.size === 0) this.#onEmpty?.();
    });
  }
}

/** An I_T nexus: initiator port and target portal group (RFC 7143 §4.4.2). */
const keyOf = ({ initiatorName, isid, target }: LoginSubject, { group }: TargetPort): string =>
  `${target?.name ?? ''} ${group} ${initiatorName} ${isid.toString('hex')}`;

function closeAll(sessions: readonly Session[], done: () => void): void {
  whenAll(sessions, (session, closed) => session.close(closed), done);
}
