/**
 * A pair of which either node goes on alone: what each of them has decided is one line. Two lines may part, and only where each of both is a
 * *half*, alone by what its disk says; and they become one again by one half's giving way, whose own decisions are put aside.
 *
 * 1. What a node has applied it applies again in all its lives, at the same place, until its half gives way; then no more than what that half decided is gone.
 * 2. What was applied by a node that was not alone is in every line, for ever. So nothing that was agreed on disappears.
 * 3. Of two halves that parted exactly one gives way; what it has decided is kept.
 * 4. A read behind a barrier shows what its line had applied before it began. As long as the reader is not alone it is the only line.
 */
import { crc32c, EterneError } from '@eterne/base';
import { logParted } from '@eterne/cluster/raft/tie/rewind.ts';
import { recoverLog } from '@eterne/cluster/raft/storage/recover.ts';
import { decodeSoloRecord, type SoloRecord } from '@eterne/cluster/raft/tie/solo-record.ts';
import type { Command } from '@eterne/cluster/state/commands.ts';
import type { ClusterState } from '@eterne/cluster/state/model.ts';
import type { SimNode } from '../world/node.ts';
import type { Universe } from '../world/universe.ts';
import { canonical } from './agreement.ts';

/** The whole state is compared after every so many entries. */
const STATE_EVERY = 8;

export interface LinePaths {
  readonly record: string;
  readonly log: string;
}

interface Applied {
  readonly index: number;
  readonly command: string;
  /** Of the half that its node was when it applied this for the first time. */
  readonly half: string | undefined;
  readonly stateChecksum: number | undefined;
  readonly eventId: number;
}

interface Line {
  readonly node: SimNode;
  /** By place in the log. */
  readonly entries: Map<number, Applied>;
  /** Newest event that it has applied alone. */
  aloneEvent: number;
}

export class LinesChecker {
  private readonly universe: Universe;
  private readonly paths: LinePaths;
  private readonly lines = new Map<string, Line>();
  /** The newest event that was applied by a node that was not alone. */
  private commonEvent = 0;
  /** Halves that gave way, and for which other one. */
  private readonly ended = new Map<string, string>();
  /** What was put aside, by the file that has to have it. */
  private readonly aside = new Map<string, { readonly node: SimNode; readonly lastIndex: number }>();

  constructor(universe: Universe, paths: LinePaths) {
    this.universe = universe;
    this.paths = paths;
  }

  /** One of the pair; or a third that comes to it, which never is a half. */
  addNode(node: SimNode): void {
    this.lines.set(node.name, { node, entries: new Map(), aloneEvent: 0 });
  }

  /** How many halves gave way. */
  get endings(): number {
    return this.ended.size;
  }

  /** Which half the node is, by what its disk says. */
  halfOf(node: string): string | undefined {
    const record = this.recordOf(node);
    return record?.held && record.lineage.at(-1)?.id;
  }

  applied(name: string, index: number, command: Command, state: ClusterState): void {
    const line = this.lineOf(name);
    const known = line.entries.get(index);
    const text = JSON.stringify(command);
    if (known !== undefined && known.command !== text)
      return this.violate(`entry ${index} of ${name} was ${known.command} and is now ${text}`);
    const half = known === undefined ? this.halfOf(name) : known.half;
    const stateChecksum = index % STATE_EVERY === 0 ? crc32c(canonical(state)) : undefined;
    const entry: Applied = { index, command: text, half, stateChecksum, eventId: state.eventId };
    line.entries.set(index, entry);
    if (half === undefined) this.commonEvent = Math.max(this.commonEvent, state.eventId);
    else line.aloneEvent = Math.max(line.aloneEvent, state.eventId);
    for (const other of this.lines.values()) if (other !== line) this.compare(line, other, entry);
  }

  /** Promises 1 and 2. */
  private compare(line: Line, other: Line, entry: Applied): void {
    const theirs = other.entries.get(entry.index);
    if (theirs === undefined) return;
    const where = `entry ${entry.index} at ${line.node.name} and at ${other.node.name}`;
    if (theirs.command !== entry.command) {
      if (entry.half === undefined || theirs.half === undefined)
        this.violate(`${where}, not both of which were alone: ${entry.command} and ${theirs.command}`);
    } else if (theirs.stateChecksum !== entry.stateChecksum && !this.areParted(line, other, entry.index))
      this.violate(`${where} leads to different states: ${entry.command}`);
  }

  private areParted(line: Line, other: Line, before: number): boolean {
    for (const { index, command } of line.entries.values())
      if (index < before && other.entries.get(index)?.command !== command) return true;
    return false;
  }

  /** The node's log is about to be what it was before its half. */
  gaveWay(name: string): void {
    const line = this.lineOf(name);
    const half = this.recordOf(name)?.rewind;
    const other = [...this.lines.keys()].find((each) => each !== name && this.recordOf(each) !== undefined);
    const stays = other && this.recordOf(other)?.lineage.at(-1)?.id;
    if (half === undefined || stays === undefined || this.ended.has(half)) return;
    if ([...this.ended.values()].includes(half) || this.ended.has(stays))
      this.violate(`halves ${half} of ${name} and ${stays} of ${other} both give way`);
    this.ended.set(half, stays);
    this.aside.set(logParted(this.paths.log, half), {
      node: line.node,
      lastIndex: Math.max(0, ...line.entries.keys()),
    });
    for (const [index, entry] of line.entries) if (entry.half === half) line.entries.delete(index);
    line.aloneEvent = 0;
  }

  /** A read begins now. Call what it returns with the state that the node shows when its barrier has been passed. */
  beginRead(name: string): (state: ClusterState) => void {
    const own = Math.max(this.commonEvent, this.lineOf(name).aloneEvent);
    const all = Math.max(own, ...[...this.lines.values()].map(({ aloneEvent }) => aloneEvent));
    const wasAlone = this.halfOf(name) !== undefined;
    const endings = this.ended.size;
    return ({ eventId }) => {
      if (this.ended.size !== endings) return;
      const isAlone = wasAlone || this.halfOf(name) !== undefined;
      const seen = isAlone ? own : all;
      if (eventId < seen)
        this.violate(`a read at ${name} shows event ${eventId}, but event ${seen} had been applied before`);
    };
  }

  /** Everything is quiet: they are one line again, and what was put aside is there. */
  checkEnd(): void {
    for (const line of this.lines.values())
      for (const other of this.lines.values())
        for (const entry of line.entries.values()) {
          const theirs = other.entries.get(entry.index);
          if (theirs !== undefined && theirs.command !== entry.command)
            return this.violate(`in the end entry ${entry.index} is ${entry.command} and ${theirs.command}`);
        }
    for (const [path, { node, lastIndex }] of this.aside) {
      const content = node.fileSystem.peek(path);
      const image = content && recoverLog(content);
      if (image === undefined || image instanceof EterneError || lastOf(image) < lastIndex)
        this.violate(`${path} of ${node.name} lacks what that half had decided, up to entry ${lastIndex}`);
    }
  }

  private recordOf(name: string): SoloRecord | undefined {
    const content = this.lineOf(name).node.fileSystem.peek(this.paths.record);
    return content && decodeSoloRecord(content);
  }

  private lineOf(name: string): Line {
    const line = this.lines.get(name);
    if (line === undefined) throw new Error(`there is no node ${name}`);
    return line;
  }

  private violate(what: string): void {
    this.universe.violate('lines', what);
  }
}

function lastOf({ entries, snapshot }: Exclude<ReturnType<typeof recoverLog>, EterneError>): number {
  return entries.at(-1)?.index ?? snapshot.index;
}
