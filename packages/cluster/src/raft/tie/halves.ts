/**
 * What a node of a pair that prefers availability remembers of its stays alone, and what follows when it hears the other (lineage.ts).
 *
 * 1. The log is copied aside, and the new half written down, before the node uses what lets it go on alone.
 * 2. The lineage that is told is the one that is written down.
 * 3. A lineage that cannot be read is no lineage: nothing is told and nothing believed.
 */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import type { MemberId } from '../types.ts';
import { kinship, LINEAGE_MAX, survivor, trimmed, type Half, type Kinship, type Lineage } from './lineage.ts';
import type { ProofHeld, TieRecord } from './proof-record.ts';
import { logBefore } from './rewind.ts';
import { freshRecord, readSoloRecord, writeSoloRecord, type SoloRecord } from './solo-record.ts';

export interface HalvesOptions {
  readonly files: Files;
  readonly recordPath: string;
  /** The log file. */
  readonly logPath: string;
  readonly member: MemberId;
  /** A half that begins now. */
  readonly begin: () => Omit<Half, 'knowsAll'>;
}

/** Both halves of the pair went on: one of them has to give way. */
export interface Parted {
  /** The first half that this node's log alone has been through. */
  readonly mine: Half | undefined;
  readonly theirs: Half | undefined;
  readonly survivor: 'mine' | 'theirs' | undefined;
}

type Done = (error: EterneError | undefined) => void;

export class Halves implements TieRecord {
  readonly #options: HalvesOptions;
  #record: SoloRecord | undefined;
  /** The player writes one thing at a time; adopting is the other one who writes. */
  #adopting = false;
  #parted: Parted | undefined;

  constructor(options: HalvesOptions) {
    this.#options = options;
  }

  /** Undefined: not known. */
  get lineage(): Lineage | undefined {
    return this.#record?.lineage;
  }

  /** While this node is alone: which half it is. */
  get half(): Half | undefined {
    return this.#record?.held && this.#record.lineage.at(-1);
  }

  get parted(): Parted | undefined {
    return this.#parted;
  }

  read(done: (result: ProofHeld | undefined | EterneError) => void): void {
    const { files, recordPath, member } = this.#options;
    readSoloRecord(files, recordPath, (record) => {
      if (record instanceof EterneError) return done(record);
      const isOurs = record?.member === member;
      this.#record = isOurs ? record : freshRecord(member);
      done(this.#record.held);
    });
  }

  write(held: ProofHeld | undefined, done: Done): void {
    const record = this.#record;
    if (record === undefined)
      return this.read((read) => (read instanceof EterneError ? done(read) : this.write(held, done)));
    if (this.#adopting)
      return done(new EterneError('busy', 'the other node’s decisions are being taken over'));
    if (held === undefined) return this.#save({ ...record, held }, done);
    if (record.lineage.length > LINEAGE_MAX)
      return done(
        new EterneError(
          'refused',
          `this node went on alone ${LINEAGE_MAX} times without the other hearing of it`,
        ),
      );
    const half = { ...this.#options.begin(), knowsAll: held.knowsAll };
    return this.#keepLog(half.id, (error) => {
      if (error) done(error);
      else this.#save({ ...record, lineage: [...record.lineage, half], held }, done);
    });
  }

  /** What the other says of itself, against what is known here. Undefined: nothing is known. */
  compare(theirs: Lineage): Kinship['kind'] | undefined {
    const mine = this.lineage;
    if (mine === undefined) return undefined;
    const found = kinship(mine, theirs);
    this.#parted =
      found.kind === 'parted' ? { ...found, survivor: survivor(found.mine, found.theirs) } : undefined;
    if (found.kind === 'same') this.#trim(trimmed(mine, theirs));
    return found.kind;
  }

  /** The other was alone and has all that is here: what it is, this node becomes. */
  adopt(theirs: Lineage): void {
    const last = theirs.at(-1);
    if (this.#adopting || this.#record === undefined || last === undefined) return;
    this.#adopting = true;
    const before = this.#record;
    // What fails is tried again with the next message, which says the same.
    this.#save({ ...before, lineage: [last] }, (error) => {
      this.#adopting = false;
      if (!error) this.#forgetLogs(before.lineage);
    });
  }

  /** This node's half gives way: from its next start its log is the one of before. */
  giveWay(done: Done): void {
    const mine = this.#parted?.survivor === 'theirs' ? this.#parted.mine : undefined;
    if (this.#record === undefined || mine === undefined)
      return done(new EterneError('refused', 'there is nothing to put back'));
    return this.#save({ ...this.#record, rewind: mine.id }, done);
  }

  #keepLog(half: string, done: Done): void {
    const { files, logPath } = this.#options;
    files.readFile(logPath, (content) => {
      if (content instanceof EterneError) return done(content);
      if (content === undefined) return done(new EterneError('corrupt', `the log is gone: ${logPath}`));
      return files.writeFileAtomic(logBefore(logPath, half), content, 0o600, done);
    });
  }

  /** In memory only: whoever forgets it has a longer lineage that says the same. */
  #trim(lineage: Lineage): void {
    const record = this.#record;
    if (record === undefined || lineage.length === record.lineage.length) return;
    this.#record = { ...record, lineage };
    this.#forgetLogs(record.lineage.filter((half) => !lineage.slice(1).includes(half)));
  }

  /** Of halves that the other has followed: it never parts from this node before them. A copy that cannot be removed only takes room. */
  #forgetLogs(halves: Lineage): void {
    const { files, logPath, member, begin } = this.#options;
    const own = halves.filter(({ id, node }) => id !== member && node === begin().node);
    for (const { id } of own) files.remove(logBefore(logPath, id), () => {});
  }

  #save(record: SoloRecord, done: Done): void {
    const { files, recordPath } = this.#options;
    writeSoloRecord(files, recordPath, record, (error) => {
      if (!error) this.#record = record;
      done(error);
    });
  }
}
