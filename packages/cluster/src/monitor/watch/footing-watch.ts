/**
 * Looks at what groups stand on, again and again, and tells what is not well. It decides nothing: what counts is `judge.ts` and
 * `trouble-book.ts`, what follows is the leader's.
 *
 * 1. Nothing that may hang is touched by this process: disks are read and file systems asked by programs that have their time. Except the folder of the
 *    node: where that hangs the node has stopped, and a program every few seconds costs more than all else that an idle monitor does.
 * 2. One round is under way at a time, and within it one such program.
 */
import { EterneError, unreachable } from '@eterne/base';
import type { FileSystems, Interfaces, Timer } from '@eterne/runtime';
import type { Look, WatchOrder } from '../../ports.ts';
import type { Trouble } from '../../state/watch.ts';
import type { HandsWorld } from '../agents/agent.ts';
import { runCommand, type Command, type CommandResult } from '../agents/command.ts';
import { readLinks } from '../agents/ip/links.ts';
import { readMounts } from '../agents/mounts.ts';
import {
  judgeAddress,
  judgeFull,
  judgeLink,
  judgeMemory,
  judgeReadOnly,
  trouble,
  UNKNOWN,
  WELL,
} from './judge.ts';
import { keyOfLook, standing, standsIn, weigh, type Finding, type TroubleBook } from './trouble-book.ts';

/** Links, addresses, mounts and memory: files of the kernel. */
const QUICK_INTERVAL_MS = 2000;
/** Disks and room: a program for each. */
const SLOW_INTERVAL_MS = 5000;
const ANSWER_MS = 3000;
const SLOW_KINDS: readonly string[] = ['disk', 'replica', 'full'];

type Verdict = Pick<Finding, 'is' | 'detail'>;
type Judged = (verdict: Verdict) => void;

export interface FootingHands {
  readonly world: HandsWorld;
  readonly interfaces: Interfaces;
  readonly fileSystems: FileSystems;
  readonly dir: string;
}

export class FootingWatch {
  readonly #hands: FootingHands;
  readonly #listener: (troubles: readonly Trouble[]) => void;
  #order: WatchOrder | undefined;
  #book: TroubleBook = new Map();
  #timers: readonly Timer[] = [];
  readonly #underWay = new Set<boolean>();

  constructor(hands: FootingHands, listener: (troubles: readonly Trouble[]) => void) {
    this.#hands = hands;
    this.#listener = listener;
  }

  /** The first order begins it. */
  follow(order: WatchOrder): void {
    const isFirst = this.#order === undefined;
    this.#order = order;
    if (!isFirst) return;
    const { timers } = this.#hands.world;
    this.#timers = [
      timers.every(QUICK_INTERVAL_MS, () => this.#round(false)),
      timers.every(SLOW_INTERVAL_MS, () => this.#round(true)),
    ];
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  #round(isSlow: boolean): void {
    if (!this.#order || this.#underWay.has(isSlow)) return;
    this.#underWay.add(isSlow);
    const looks = this.#order.looks.filter(({ kind }) => SLOW_KINDS.includes(kind) === isSlow);
    this.#lookAt(looks, [], (findings) => {
      this.#underWay.delete(isSlow);
      const wanted = new Set(this.#order?.looks.map(keyOfLook));
      this.#book = weigh(this.#book, this.#hands.world.clock.bootMs(), wanted, findings);
      this.#listener(standing(this.#book));
    });
  }

  /** One after the other. */
  #lookAt(
    looks: readonly Look[],
    findings: readonly Finding[],
    done: (findings: readonly Finding[]) => void,
  ): void {
    const [look, ...others] = looks;
    if (look === undefined) return done(findings);
    this.#look(look, (verdict) => this.#lookAt(others, [...findings, { ...look, ...verdict }], done));
  }

  #look(look: Look, done: Judged): void {
    const { kind, subject } = look;
    switch (kind) {
      case 'link':
        return this.#lookAtLink(subject, done);
      case 'address':
        return done(judgeAddress(subject, this.#hands.interfaces.running()));
      case 'readOnly':
        return readMounts(this.#hands, (mounts) =>
          done(mounts instanceof EterneError ? UNKNOWN : judgeReadOnly(subject, this.#hands.dir, mounts)),
        );
      case 'memory':
        return this.#lookAtMemory(look, done);
      case 'full':
        return this.#lookAtRoom(look, done);
      case 'disk':
      case 'replica':
        return this.#lookAtDisk(subject, done);
      default:
        return unreachable(kind);
    }
  }

  /** A program only when it is not known to be well. */
  #lookAtLink(name: string, done: Judged): void {
    if (this.#hands.interfaces.running().has(name)) return done(WELL);
    readLinks(this.#hands, ['ip', '-json', 'link', 'show', 'dev', name], (links) => {
      if (links instanceof EterneError)
        return done(/does not exist/.test(links.message) ? judgeLink(name, undefined) : UNKNOWN);
      done(judgeLink(name, links[0]));
    });
  }

  #lookAtMemory(look: Look, done: Judged): void {
    const { files } = this.#hands.world;
    const limit = this.#order?.memoryPercent ?? 0;
    files.readFile('/proc/meminfo', (meminfo) => {
      if (!Buffer.isBuffer(meminfo)) return done(UNKNOWN);
      files.readFile('/proc/pressure/memory', (read) => {
        // Absent, or not to be read, where the kernel counts none.
        const pressure = Buffer.isBuffer(read) ? read.toString('utf8') : undefined;
        done(judgeMemory(meminfo.toString('utf8'), pressure, limit, standsIn(this.#book, look)));
      });
    });
  }

  #lookAtRoom(look: Look, done: Judged): void {
    const { fileSystems, dir } = this.#hands;
    const path = look.subject === '' ? dir : look.subject;
    const judge = (said: string): Verdict =>
      judgeFull(path, said, this.#order?.fullPercent ?? 100, standsIn(this.#book, look));
    if (look.subject === '')
      return fileSystems.room(path, (said) => done(said instanceof EterneError ? UNKNOWN : judge(said)));
    const command: Command = ['stat', '--file-system', '--format=%b %f %a %c %d', '--', path];
    runCommand(this.#hands, command, ANSWER_MS, ({ stdout, failure }) =>
      done(failure === '' ? judge(stdout) : UNKNOWN),
    );
  }

  /** Its first block, from the disk itself; where a file system does not read past its cache, at least whether it is there. */
  #lookAtDisk(path: string, done: Judged): void {
    const command = ['dd', `if=${path}`, 'bs=4096', 'count=1', 'status=none'] as const;
    runCommand(this.#hands, [...command, 'iflag=direct'], ANSWER_MS, (direct) => {
      if (!/Invalid argument/.test(direct.failure)) return done(judgeRead(path, direct));
      runCommand(this.#hands, [...command], ANSWER_MS, (cached) => done(judgeRead(path, cached)));
    });
  }
}

/** What dd says: `dd: failed to open 'PATH': REASON`. */
function judgeRead(path: string, { code, stdout, failure }: CommandResult): Verdict {
  // A loop device without its file, and a disk of some drivers that is gone, are empty.
  if (failure === '') return stdout === '' ? trouble(`${path} is empty`) : WELL;
  if (/took longer/.test(failure)) return trouble(`${path} does not answer`);
  const reason = /: ([^:]+)$/.exec(failure)?.[1];
  // Without an exit code dd itself could not be run.
  return code === null || reason === undefined ? UNKNOWN : trouble(`${path} cannot be read: ${reason}`);
}
