import { spawn as spawnChild, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import type { ChildHandle, ProcessExit, Processes, SpawnOptions } from '../ports.ts';
import { systemError } from './errno.ts';

const CAPTURE_BYTES_DEFAULT = 64 * 1024;
/** How long after the end of a child its output may still be on its way, when somebody else holds the pipes too. */
const LAST_WORDS_MS = 200;
/** util-linux; sets PR_SET_PDEATHSIG between fork and exec, which Node.js cannot. */
const SETPRIV = '/usr/bin/setpriv';

/** Keeps the newest `limitBytes` of what a child prints. */
class Tail {
  readonly #limitBytes: number;
  #text = '';

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  add(chunk: string): void {
    this.#text = (this.#text + chunk).slice(-this.#limitBytes);
  }

  get text(): string {
    return this.#text;
  }
}

function commandOf(options: SpawnOptions): readonly [string, ...string[]] {
  if (options.detached === true || !fs.existsSync(SETPRIV)) return options.command;
  return [SETPRIV, '--pdeathsig', 'KILL', '--', ...options.command];
}

function start(options: SpawnOptions, log: number | undefined): ChildProcess {
  const [program, ...args] = commandOf(options);
  const output = log ?? 'pipe';
  return spawnChild(program, args, {
    detached: true, // its own session and process group, so that a signal reaches its whole family
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', output, output],
    env: options.env ?? process.env,
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: it is gone already, which is what a signal is after
  }
}

function spawn(options: SpawnOptions, onExit: (exit: ProcessExit) => void): ChildHandle {
  const stdout = new Tail(options.captureBytes ?? CAPTURE_BYTES_DEFAULT);
  const stderr = new Tail(options.captureBytes ?? CAPTURE_BYTES_DEFAULT);
  const log = options.logPath === undefined ? undefined : fs.openSync(options.logPath, 'a', 0o600);
  let timedOut = false;
  let reported = false;
  let lastWords: NodeJS.Timeout | undefined;
  const report = (exit: Pick<ProcessExit, 'code' | 'signal' | 'startError'>): void => {
    if (reported) return;
    reported = true;
    clearTimeout(timer);
    clearTimeout(lastWords);
    onExit({ timedOut, stdout: stdout.text, stderr: stderr.text, ...exit });
  };
  const child = start(options, log);
  if (log !== undefined) fs.closeSync(log);
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
        }, options.timeoutMs);
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout.add(chunk);
    options.onStdout?.(chunk);
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => stderr.add(chunk));
  child.stdin?.on('error', () => {}); // it may exit without reading what it is given
  child.stdin?.end(options.stdin);
  child.on('error', (error) =>
    report({ code: null, signal: null, startError: systemError(`start ${options.command[0]}`, error) }),
  );
  // 'close' comes when its last words have been read too; but a daemonised grandchild may hold the pipes open for ever.
  child.on('close', (code, signal) => report({ code, signal }));
  child.on('exit', (code, signal) => {
    lastWords = setTimeout(() => report({ code, signal }), LAST_WORDS_MS);
  });
  return {
    pid: child.pid,
    // Not reaped before this event is over, so it can be read even when the child has ended already.
    startTime: child.pid === undefined ? undefined : readStat(child.pid)?.startTime,
    kill: (signal) => {
      if (child.pid !== undefined) signalGroup(child.pid, signal);
    },
  };
}

interface Stat {
  readonly isZombie: boolean;
  /** Pid. */
  readonly parent: number;
  readonly startTime: string | undefined;
}

/** Fields 3, 4 and 22 of /proc/PID/stat, counted after the command name, which may hold spaces and brackets; undefined when it is gone. */
export function readStat(pid: number): Stat | undefined {
  let stat: string;
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    parent: Number(fields[1]),
    startTime: fields[19],
  };
}

function startTime(pid: number): string | undefined {
  const stat = readStat(pid);
  return stat?.isZombie === true ? undefined : stat?.startTime;
}

/** The second number of /proc/PID/schedstat (proc_pid_schedstat(5)): nanoseconds that the first thread spent waiting on a run queue. */
export function waitedForProcessorMs(pid: number): number | undefined {
  try {
    const waitedNs = Number(fs.readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]);
    return Number.isFinite(waitedNs) ? waitedNs / 1e6 : undefined;
  } catch {
    return undefined;
  }
}

export const nodeProcesses: Processes = {
  spawn,
  startTime,
  alive: (pid, time) => startTime(pid) === time,
  killGroup: (pid, signal) => signalGroup(pid, signal),
  waitedForProcessorMs,
};
