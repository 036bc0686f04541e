/**
 * The launcher: parent of the node's daemons and of every process of its groups. It decides nothing; it starts, reaps and, when it
 * dies, takes everything with it (the kernel sends SIGKILL to the children of a dead parent that asked for it).
 *
 *            start()                       stop() or fatal
 *   (new) ───────────► running ─────────────────────────────► stopping ──everything gone──► (ended)
 *
 * 1. A daemon that ends is started again: at once, with growing pauses (at most `RESTART_DELAY_MS_MAX`) while it keeps ending young.
 * 2. A daemon that hangs is reported by another (service and monitor watch each other and the rest), killed, and so started again.
 * 3. A daemon that cannot work from the beginning (a port in use, a damaged log) ends the node with its sentence; what may pass by
 *    itself is tried again for `PATIENCE_MS` first. One whose program is too old for its cluster does so at any time.
 * 4. What an earlier life of this node left running is killed before anything is started.
 * 5. Stopping: the service first, which takes the node's groups elsewhere; then the monitor, which kills what the service has left, and takes away what outlives
 *    processes; the others after it; whatever is left is killed. So, too, where somebody else has asked the service to end.
 * 6. Nothing is started late, or for somebody who has gone: it would run beside what has been started in its place.
 */
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import type { ChildHandle, Listener, ProcessExit, ProcessTrees, Reply, Timer, World } from '@eterne/runtime';
import { RecordBook } from '../monitor/record-book.ts';
import type { FamilyOptions } from '../monitor/spawner.ts';
import { spawnFamily } from './families.ts';
import type { DaemonPids, FromLauncher, ToLauncher } from './launcher-messages.ts';
import {
  daemonLogPath,
  logFolder,
  passingAttributesFolder,
  runFolder,
  socketAddress,
  startedPath,
  volumesFolder,
  type DaemonName,
} from './layout.ts';
import { leaveBehind } from './leave-behind.ts';
import { listenLinks, type AcceptedLink } from './link.ts';
import { LogKeeper } from './log-keeper.ts';

const RESTART_DELAY_MS_MAX = 500;
const RESTART_DELAY_MS_FIRST = 50;
/** A daemon that lived so long is started again at once. */
const YOUNG_MS = 5000;
/** What an earlier life held (a port, a lock) may be given back only a moment later. */
const PATIENCE_MS = 5000;
/** How long the service may take to bring the node's groups elsewhere, from when it last said that it is at it, and then the others to end. */
const LEAVE_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 5000;
/** And the monitor before them. */
const CLEAR_TIMEOUT_MS = 10_000;

export type LauncherWorld = Pick<World, 'clock' | 'timers' | 'network' | 'files' | 'processes' | 'log'> & {
  readonly processTrees: ProcessTrees;
};

export interface LauncherOptions {
  readonly dir: string;
  /** How to run a daemon of this node. A witness runs fewer. */
  readonly daemons: readonly DaemonName[];
  readonly env: Readonly<Record<string, string>>;
  readonly commandOf: (daemon: DaemonName) => readonly [string, ...string[]];
  /** Tests set it low. */
  readonly leaveTimeoutMs?: number;
  /** Everything has ended. `error`: what made the node give up. */
  readonly onEnd: (error: EterneError | undefined) => void;
}

interface Daemon {
  readonly name: DaemonName;
  child: ChildHandle | undefined;
  startedMs: number;
  delayMs: number;
  /** It has lived longer than `YOUNG_MS` once: what it needs was there, so that its later troubles are worth another try. */
  hasWorked: boolean;
}

export class Launcher {
  readonly #world: LauncherWorld;
  readonly #options: LauncherOptions;
  readonly #daemons: readonly Daemon[];
  readonly #families = new Map<number, string>();
  readonly #links = new Set<AcceptedLink>();
  readonly #logs: LogKeeper;
  #listener: Listener | undefined;
  #startedMs = 0;
  #phase: 'running' | 'leaving' | 'ending' | 'ended' = 'running';
  #deadline: Timer | undefined;
  #error: EterneError | undefined;

  constructor(world: LauncherWorld, options: LauncherOptions) {
    this.#world = world;
    this.#options = options;
    this.#logs = new LogKeeper(world, logFolder(options.dir));
    this.#daemons = options.daemons.map((name) => ({
      name,
      child: undefined,
      startedMs: 0,
      delayMs: 0,
      hasWorked: false,
    }));
  }

  start(done: (error: EterneError | undefined) => void): void {
    this.#startedMs = this.#world.clock.bootMs();
    const { dir } = this.#options;
    const steps: ((next: (error: EterneError | undefined) => void) => void)[] = [
      (next) => this.#world.files.makeFolder(runFolder(dir), next),
      (next) => this.#world.files.makeFolder(logFolder(dir), next),
      (next) => this.#world.files.makeFolder(volumesFolder(dir), next),
      (next) => this.#killLeftovers(next),
      (next) => this.#forgetAttributes(next),
      (next) => this.#listen(next),
    ];
    const run = (index: number): void => {
      const step = steps[index];
      if (step !== undefined) return step((error) => (error ? done(error) : run(index + 1)));
      for (const daemon of this.#daemons) this.#run(daemon);
      done(undefined);
    };
    run(0);
  }

  /** SIGTERM: leave politely. A second one does not hurry it. */
  stop(): void {
    if (this.#phase !== 'running') return;
    const service = this.#daemons.find(({ name }) => name === 'service');
    if (service?.child === undefined) return this.#end();
    this.#phase = 'leaving';
    service.child.kill('SIGTERM');
    this.#awaitLeave();
  }

  #awaitLeave(): void {
    this.#deadline?.cancel();
    this.#deadline = this.#world.timers.after(this.#options.leaveTimeoutMs ?? LEAVE_TIMEOUT_MS, () =>
      this.#end(),
    );
  }

  get pids(): DaemonPids {
    const pids: Record<DaemonName, number | null> = { service: null, monitor: null, heart: null, disk: null };
    for (const { name, child } of this.#daemons) pids[name] = child?.pid ?? null;
    return pids;
  }

  #killLeftovers(next: (error: EterneError | undefined) => void): void {
    const book = new RecordBook(this.#world.files, startedPath(this.#options.dir));
    book.read((records) => {
      if (records instanceof EterneError) return next(records);
      const killed = records.filter(({ mark }) => this.#world.processTrees.killMarked(mark) > 0);
      if (killed.length > 0) return void this.#world.timers.after(20, () => this.#killLeftovers(next));
      leaveBehind(this.#world.files, this.#options.dir, records, next);
    });
  }

  /** What agents keep until the node is started again. */
  #forgetAttributes(next: (error: EterneError | undefined) => void): void {
    const { files } = this.#world;
    const folder = passingAttributesFolder(this.#options.dir);
    const remove = ([name, ...others]: readonly string[]): void => {
      if (name === undefined) return next(undefined);
      files.remove(join(folder, name), (error) => (error ? next(error) : remove(others)));
    };
    files.makeFolder(folder, (error) => {
      if (error) return next(error);
      files.list(folder, (names) => (names instanceof EterneError ? next(names) : remove(names)));
    });
  }

  #listen(next: (error: EterneError | undefined) => void): void {
    const accept = (link: AcceptedLink) => {
      this.#links.add(link);
      this.#world.timers.soon(() => link.note('launcher', this.#pidsNote()));
      return {
        onCall: (_name: string, body: unknown, reply: Reply) => this.#serve(link, body as ToLauncher, reply),
        onNote: () => {},
        onClose: () => void this.#links.delete(link),
      };
    };
    listenLinks(this.#world, socketAddress(this.#options.dir, 'launcher'), accept, (result) => {
      if (result instanceof EterneError) return next(result);
      this.#listener = result;
      next(undefined);
    });
  }

  #serve(link: AcceptedLink, message: ToLauncher, reply: Reply): void {
    switch (message.call) {
      case 'spawn':
        return this.#spawn(link, message.options, reply);
      case 'restart':
        this.#restart(message.daemon, message.pid, message.reason);
        return reply({ ok: null });
      case 'ending':
        return reply({ ok: this.#phase === 'ending' });
      case 'leaving':
        // Its own SIGTERM may not have come from here.
        if (this.#phase === 'running') this.#phase = 'leaving';
        if (this.#phase === 'leaving') this.#awaitLeave();
        return reply({ ok: null });
      case 'fatal':
        reply({ ok: null });
        return this.#giveUp(message);
    }
  }

  #spawn(link: AcceptedLink, options: FamilyOptions, reply: Reply): void {
    spawnFamily(
      this.#world,
      options,
      () => this.#refusal(link, options),
      (result) => {
        if (result instanceof EterneError) return reply({ error: result });
        this.#families.set(result.pid, result.startTime);
        reply({ ok: result });
      },
      (exit) => {
        this.#families.delete(exit.process.pid);
        this.#publish({ note: 'exit', exit });
      },
    );
  }

  /** Duty 6. */
  #refusal(link: AcceptedLink, { untilBootMs }: FamilyOptions): EterneError | undefined {
    if (this.#phase === 'ending') return new EterneError('refused', 'the node is stopping');
    if (!this.#links.has(link)) return new EterneError('refused', 'whoever asked for it has gone');
    if (untilBootMs !== undefined && this.#world.clock.bootMs() > untilBootMs)
      return new EterneError('timeout', 'the launcher did not get to it in time');
    return undefined;
  }

  #restart(name: DaemonName, pid: number, reason: string): void {
    const daemon = this.#daemons.find((known) => known.name === name);
    if (daemon?.child?.pid !== pid) return;
    this.#world.log('warn', `${name} hangs: killing it`, { pid, reason });
    daemon.child.kill('SIGKILL');
  }

  #run(daemon: Daemon): void {
    const { name } = daemon;
    daemon.startedMs = this.#world.clock.bootMs();
    daemon.child = this.#world.processes.spawn(
      {
        command: this.#options.commandOf(name),
        env: this.#options.env,
        logPath: daemonLogPath(this.#options.dir, name),
      },
      (exit) => this.#daemonEnded(daemon, exit),
    );
    this.#publish(this.#pidsNote());
  }

  #daemonEnded(daemon: Daemon, exit: ProcessExit): void {
    daemon.child = undefined;
    this.#publish(this.#pidsNote());
    switch (this.#phase) {
      case 'leaving':
        if (daemon.name === 'service') return this.#end();
        return this.#runLater(daemon, exit);
      case 'running':
        return this.#runLater(daemon, exit);
      case 'ending':
        if (daemon.name === 'monitor') return this.#endOthers();
        return this.#finishIfAllGone();
      case 'ended':
    }
  }

  #runLater(daemon: Daemon, exit: ProcessExit): void {
    const livedMs = this.#world.clock.bootMs() - daemon.startedMs;
    const longer = Math.min(Math.max(daemon.delayMs * 2, RESTART_DELAY_MS_FIRST), RESTART_DELAY_MS_MAX);
    daemon.hasWorked ||= livedMs >= YOUNG_MS;
    daemon.delayMs = livedMs >= YOUNG_MS ? 0 : longer;
    const why = exit.startError?.message ?? exit.signal ?? `exit code ${exit.code}`;
    this.#world.log('warn', `${daemon.name} ended: starting it again`, { why, livedMs: Math.round(livedMs) });
    this.#world.timers.after(daemon.delayMs, () => {
      if (this.#phase === 'running' || this.#phase === 'leaving') this.#run(daemon);
    });
  }

  #giveUp(said: ToLauncher & { readonly call: 'fatal' }): void {
    const { daemon, message, hint, isConfig, mayPass, isFinal } = said;
    const hasWorked = this.#daemons.some((known) => known.name === daemon && known.hasWorked);
    if (this.#phase !== 'running' || (hasWorked && !isFinal)) return;
    if (mayPass && this.#world.clock.bootMs() - this.#startedMs < PATIENCE_MS) return;
    const code = isFinal ? 'needs-upgrade' : isConfig ? 'config' : 'io';
    this.#error = new EterneError(code, message, hint === undefined ? {} : { hint });
    this.#end();
  }

  /** Duty 5. */
  #end(): void {
    this.#deadline?.cancel();
    this.#phase = 'ending';
    const monitor = this.#daemons.find(({ name }) => name === 'monitor');
    if (monitor?.child === undefined) return this.#endOthers();
    monitor.child.kill('SIGTERM');
    this.#deadline = this.#world.timers.after(CLEAR_TIMEOUT_MS, () => this.#endOthers());
  }

  #endOthers(): void {
    this.#deadline?.cancel();
    for (const { child } of this.#daemons) child?.kill('SIGTERM');
    this.#deadline = this.#world.timers.after(END_TIMEOUT_MS, () => {
      for (const { child } of this.#daemons) child?.kill('SIGKILL');
    });
    this.#finishIfAllGone();
  }

  #finishIfAllGone(): void {
    if (this.#daemons.some(({ child }) => child !== undefined)) return;
    this.#deadline?.cancel();
    for (const [pid, startTime] of this.#families)
      if (this.#world.processes.alive(pid, startTime)) this.#world.processes.killGroup(pid, 'SIGKILL');
    this.#killLeftovers((error) => {
      if (this.#phase === 'ended') return;
      this.#phase = 'ended';
      this.#logs.close();
      this.#listener?.close();
      for (const link of this.#links) link.close();
      this.#options.onEnd(this.#error ?? error);
    });
  }

  #pidsNote(): FromLauncher {
    return { note: 'pids', pids: this.pids };
  }

  #publish(message: FromLauncher): void {
    for (const link of this.#links) link.note('launcher', message);
  }
}
