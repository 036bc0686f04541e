/**
 * Plays the tie-breaker on this node: takes Raft's messages to it and answers them by way of the shared disk (`tie-voter.ts`).
 *
 * 1. One access at a time; what comes in meanwhile is worked off together afterwards. At most `WAITING_MAX` messages wait.
 * 2. A read or write that fails, and a block that is not what it should be, answers nothing: a voter that is down.
 * 3. Likewise one that does not end within `HUNG_AFTER_MS`. What was asked before it is answered when it has ended, if it still stands.
 * 4. While nothing is asked the other's block is read every `LOOK_INTERVAL_MS`, so that it is known since when it has not moved.
 */
import { EterneError } from '@eterne/base';
import {
  answeredWithin,
  type SharedDisk,
  type SharedDisks,
  type Timer,
  type Timers,
  type World,
} from '@eterne/runtime';
import { isFreeForTie, NOT_EMPTY, occupied, TIE_LOOK_BYTES } from '../../heart/wire/board.ts';
import { nodeOfMember, UNSAID_HOLD_MS, type MemberId } from '../types.ts';
import type { Message, MessageBody } from '../messages/message.ts';
import { HUNG_AFTER_MS } from '../persister.ts';
import {
  encodeTieBlock,
  newTieArea,
  readTieArea,
  TIE_AREA_BYTES,
  TIE_NODES,
  tieOffset,
  type TieBlock,
} from './block.ts';
import {
  confirm,
  confirmationOf,
  confirmationStands,
  holdAsked,
  isLeaders,
  preVote,
  reply,
  see,
  vote,
  voteStands,
  type OtherSeen,
  type TieBlocks,
} from './tie-voter.ts';
import type { TiePlayer } from './tie-player.ts';

const LOOK_INTERVAL_MS = 200;
const REOPEN_MS = 1000;
const WAITING_MAX = 64;
/** A disk that answers nothing for so long decides nothing. */
const CHECK_TIMEOUT_MS = 10_000;

export interface TieOptions {
  readonly world: Pick<World, 'clock' | 'timers' | 'log'>;
  readonly disks: SharedDisks;
  readonly path: string;
  /** The tie-breaker's id in the log, and this node's. */
  readonly member: MemberId;
  readonly self: MemberId;
  readonly answer: (message: Message) => void;
}

type Placed = TieBlocks & { readonly place: number };

export class TieDriver implements TiePlayer {
  readonly #options: TieOptions;
  readonly #timers: Timer[] = [];
  #disk: SharedDisk | undefined;
  #waiting: Message[] = [];
  #busy = false;
  /** When the access that is under way began. */
  #accessMs = 0;
  #closed = false;
  #seen: OtherSeen | undefined;
  /** What the other's block, as last read, says. */
  #otherHoldMs = UNSAID_HOLD_MS;
  /** When the longest hold that the leader here has asked for ends: until then no block names less than what is left of it. */
  #holdEndsMs = Number.NEGATIVE_INFINITY;
  #trouble: string | undefined = 'it has not been read yet';

  constructor(options: TieOptions) {
    this.#options = options;
    this.#timers.push(options.world.timers.every(LOOK_INTERVAL_MS, () => this.#work()));
    this.#open();
  }

  get member(): MemberId {
    return this.#options.member;
  }

  /** Why it does not answer; undefined when it does. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#disk?.close();
  }

  /** What was committed with it is on the disk, so there is nobody who must not be believed. */
  refuses(): boolean {
    return false;
  }

  ask(message: Message): void {
    if (this.#waiting.length >= WAITING_MAX) this.#waiting.shift();
    this.#waiting.push(message);
    this.#options.world.timers.soon(() => this.#work());
  }

  #open(): void {
    const { disks, path, world } = this.#options;
    disks.open(path, (disk) => {
      if (this.#closed) return disk instanceof EterneError ? undefined : disk.close();
      if (disk instanceof EterneError) {
        this.#fail(disk.message);
        return void world.timers.after(REOPEN_MS, () => this.#open());
      }
      this.#disk = disk;
      return this.#work();
    });
  }

  #fail(trouble: string): void {
    if (trouble !== this.#trouble) this.#options.world.log('warn', 'the tie-breaker is silent', { trouble });
    this.#trouble = trouble;
    this.#waiting = [];
  }

  /** Duty 1. */
  #work(): void {
    const disk = this.#disk;
    if (this.#closed || disk === undefined) return;
    if (this.#busy) return this.#missAnswer();
    this.#busy = true;
    const asked = this.#waiting.splice(0);
    this.#read(disk, (blocks) => {
      const finish = (): void => {
        this.#busy = false;
        if (this.#waiting.length > 0) this.#options.world.timers.soon(() => this.#work());
      };
      if (blocks === undefined || asked.length === 0) return finish();
      this.#answer(disk, blocks, asked, finish);
    });
  }

  /** Duty 3. */
  #missAnswer(): void {
    const { path, world } = this.#options;
    if (world.clock.bootMs() - this.#accessMs < HUNG_AFTER_MS) return;
    this.#fail(`${path} has not answered for ${HUNG_AFTER_MS / 1000} s`);
  }

  #read(disk: SharedDisk, done: (blocks: Placed | undefined) => void): void {
    const { member, self, world } = this.#options;
    this.#accessMs = world.clock.bootMs();
    disk.read(0, TIE_AREA_BYTES, (area) => {
      if (this.#closed) return;
      if (area instanceof EterneError) {
        this.#fail(area.message);
        return done(undefined);
      }
      const blocks = readTieArea(area);
      const place = blocks.findIndex((block) => block?.owner === nodeOfMember(self));
      const [own, other] = [blocks[place], blocks[TIE_NODES - 1 - place]];
      if (own?.member !== member || other?.member !== member) {
        this.#fail(
          `${this.#options.path} does not hold what was written there when it became the tie-breaker`,
        );
        return done(undefined);
      }
      this.#seen = see(this.#seen, other, world.clock.bootMs());
      this.#otherHoldMs = other.holdMs;
      this.#trouble = undefined;
      return done({ own, other, place });
    });
  }

  get #isSticky(): boolean {
    const nowMs = this.#options.world.clock.bootMs();
    return this.#seen === undefined || nowMs - this.#seen.changedMs < this.#otherHoldMs;
  }

  /** The newest question of each kind is enough for votes; a leader's messages are all confirmed by one write. */
  #answer(disk: SharedDisk, blocks: Placed, asked: readonly Message[], finish: () => void): void {
    for (const message of asked) if (message.body.kind === 'pre-vote') this.#replyPreVote(blocks, message);
    const candidacy = asked.findLast(({ body }) => body.kind === 'vote');
    if (candidacy) return this.#vote(disk, blocks, candidacy, finish);
    const term = Math.max(0, ...asked.filter(isLeaders).map((message) => message.term));
    const leaders = asked.filter((message) => isLeaders(message) && message.term === term);
    if (leaders.length === 0) return finish();
    this.#confirm(disk, blocks, leaders, term, finish);
  }

  #replyPreVote(blocks: TieBlocks, message: Message): void {
    const granted = preVote(blocks, message, this.#isSticky);
    const term = granted ? message.term : Math.max(blocks.own.term, blocks.other.term);
    this.#reply(message, term, { kind: 'pre-vote-reply', granted });
  }

  #vote(disk: SharedDisk, blocks: Placed, message: Message, finish: () => void): void {
    const deny = (term: number): void => {
      this.#reply(message, Math.max(message.term, term), { kind: 'vote-reply', granted: false });
      finish();
    };
    const block = vote(blocks, message, this.#isSticky);
    if (block === undefined) return deny(Math.max(blocks.own.term, blocks.other.term));
    this.#write(disk, blocks.place, block, finish, (after) => {
      if (!voteStands(blocks.other, after.other, message)) return deny(after.other.term);
      this.#reply(message, message.term, { kind: 'vote-reply', granted: true });
      finish();
    });
  }

  #confirm(
    disk: SharedDisk,
    blocks: Placed,
    messages: readonly Message[],
    term: number,
    finish: () => void,
  ): void {
    const refuse = (higher: number): void => {
      const [first] = messages;
      if (first && higher > term)
        this.#reply(first, higher, { kind: 'append-reply', ok: false, index: 0, hintIndex: 0, hintTerm: 0 });
      finish();
    };
    const judged = confirm(blocks, messages, term, this.#hold(messages));
    if ('refusedBy' in judged) return refuse(judged.refusedBy);
    this.#write(disk, blocks.place, judged.write, finish, (after) => {
      if (!confirmationStands(after.other, term)) return refuse(after.other.term);
      for (const message of messages) {
        const body = confirmationOf(message);
        if (body) this.#reply(message, term, body);
      }
      finish();
    });
  }

  /** A shorter hold ends no longer one. */
  #hold(messages: readonly Message[]): number {
    const nowMs = this.#options.world.clock.bootMs();
    this.#holdEndsMs = Math.max(this.#holdEndsMs, nowMs + holdAsked(messages));
    return Math.max(UNSAID_HOLD_MS, Math.ceil(this.#holdEndsMs - nowMs));
  }

  /** Steps 2 and 3 of tie-voter.ts. */
  #write(
    disk: SharedDisk,
    place: number,
    block: TieBlock,
    finish: () => void,
    written: (after: Placed) => void,
  ): void {
    this.#accessMs = this.#options.world.clock.bootMs();
    disk.write(tieOffset(place, block.counter), encodeTieBlock(block), (error) => {
      if (this.#closed) return;
      if (error) {
        this.#fail(error.message);
        return finish();
      }
      this.#read(disk, (after) => (after ? written(after) : finish()));
    });
  }

  #reply({ from }: Message, term: number, body: MessageBody): void {
    this.#options.answer(reply(this.#options.member, from, term, body));
  }
}

/**
 * Before a tie-breaker becomes a member of the log: both nodes' sectors as they begin. What holds anything of anybody else is refused, the
 * tie-breaker of another pair too: a path is easily mistyped.
 */
export function prepareTie(
  disks: SharedDisks,
  path: string,
  member: MemberId,
  owners: readonly [string, string],
  done: (error: EterneError | undefined) => void,
): void {
  disks.open(path, (disk) => {
    if (disk instanceof EterneError) return done(disk);
    const finish = (error: EterneError | undefined): void => {
      disk.close();
      done(error);
    };
    disk.read(0, TIE_LOOK_BYTES, (area) => {
      if (area instanceof EterneError) return finish(area);
      const obstacle = obstacleOn(path, area, owners);
      if (obstacle === undefined) disk.write(0, newTieArea(member, owners, readTieArea(area)), finish);
      else finish(obstacle);
    });
  });
}

/** Would it be taken, as it is now? Nothing is written. */
export function checkTie(
  { disks, timers }: { readonly disks: SharedDisks; readonly timers: Pick<Timers, 'after'> },
  path: string,
  owners: readonly string[],
  done: (error: EterneError | undefined) => void,
): void {
  const late = (): EterneError =>
    new EterneError('timeout', `${path} did not answer within ${CHECK_TIMEOUT_MS / 1000} s`);
  const finish = answeredWithin<EterneError | undefined>(timers, CHECK_TIMEOUT_MS, late, done);
  disks.open(path, (disk) => {
    if (disk instanceof EterneError) return finish(unusable(path, disk));
    disk.read(0, TIE_LOOK_BYTES, (area) => {
      disk.close();
      finish(area instanceof EterneError ? unusable(path, area) : obstacleOn(path, area, owners));
    });
  });
}

function unusable(path: string, error: EterneError): EterneError {
  return new EterneError(error.code, `${path} cannot be the tie-breaker: ${error.message}`, {
    hint: `name a block device that both nodes reach, or a file of at least ${Math.ceil(TIE_LOOK_BYTES / 1024)} KiB on a file system that takes direct I/O`,
    cause: error,
  });
}

function obstacleOn(path: string, area: Buffer, owners: readonly string[]): EterneError | undefined {
  if (!isFreeForTie(area)) return occupied(path, NOT_EMPTY, TIE_LOOK_BYTES);
  const present = readTieArea(area).flatMap((block) => (block === undefined ? [] : [block.owner]));
  if (present.length === 0 || present.some((owner) => owners.includes(owner))) return undefined;
  return occupied(path, `is the tie-breaker of ${present.join(' and ')}`, TIE_AREA_BYTES);
}
