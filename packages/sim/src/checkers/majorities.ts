/**
 * There are never two majorities that have nobody in common: if the power failed everywhere at this moment, no two of the machines that come back could be elected
 * by voters that are strangers to each other. Judged by what the logs' disks say, of machines that are off or have been removed too, and by the
 * disk of the tie-breaker; memberships are counted here by rules of the checker's own.
 */
import { EterneError } from '@eterne/base';
import { recoverLog } from '@eterne/cluster/raft/storage/recover.ts';
import { decodeProofRecord } from '@eterne/cluster/raft/tie/proof-record.ts';
import { readTieArea, TIE_AREA_BYTES, TIE_NODES } from '@eterne/cluster/raft/tie/block.ts';
import { decodeMembers, type Members } from '@eterne/cluster/raft/members.ts';
import { isTie, tieKindOf } from '@eterne/cluster/raft/tie/tie-id.ts';
import type { MemberId } from '@eterne/cluster/raft/types.ts';
import type { SimNode } from '../world/node.ts';
import type { SimSharedDisk } from '../world/shared-disk.ts';
import type { Universe } from '../world/universe.ts';

interface End {
  readonly term: number;
  readonly index: number;
}

/** A log as it would be found. */
interface Found extends End {
  readonly id: MemberId;
  readonly node: SimNode;
  readonly members: Members;
}

/** A machine that might come back. */
export interface Keeper {
  readonly node: SimNode;
  readonly member: MemberId;
}

export interface MajorityPaths {
  readonly log: string;
  /** What a node has of the proof that another has stopped. */
  readonly proof: string;
}

export class MajoritiesChecker {
  private readonly universe: Universe;
  private readonly paths: MajorityPaths;
  private readonly tieDisk: SimSharedDisk | undefined;
  /** By the term that it leads. */
  private readonly leaders = new Map<number, string>();

  constructor(universe: Universe, paths: MajorityPaths, tieDisk: SimSharedDisk | undefined) {
    this.universe = universe;
    this.paths = paths;
    this.tieDisk = tieDisk;
  }

  /** `machine` leads. */
  leads(machine: string, term: number): void {
    const other = this.leaders.get(term) ?? machine;
    this.leaders.set(term, machine);
    if (other !== machine) this.violate(`${machine} and ${other} lead term ${term}`);
  }

  look(keepers: readonly Keeper[]): void {
    const logs = keepers.flatMap((keeper) => this.read(keeper) ?? []);
    const able = logs
      .map((log) => ({ log, quorums: this.quorumsFor(log, logs) }))
      .filter(({ quorums }) => quorums.length > 0);
    for (const [place, one] of able.entries())
      for (const other of able.slice(0, place)) {
        const apart = one.quorums.find((quorum) => other.quorums.some((each) => areApart(quorum, each)));
        if (apart === undefined) continue;
        const names = (log: Found): string =>
          `${log.node.name} {${log.members.map(({ id, role }) => `${id} ${role}`).join(', ')}}`;
        this.violate(
          `${names(one.log)} could be elected by ${apart.join(', ')} alone, and ${names(other.log)} by others`,
        );
      }
  }

  private read({ node, member }: Keeper): Found | undefined {
    const content = node.fileSystem.peekDurable(this.paths.log);
    const image = content === undefined ? undefined : recoverLog(content);
    if (image === undefined || image instanceof EterneError) return undefined;
    const { entries, snapshot } = image;
    const named = entries.findLast(({ kind }) => kind === 'members');
    const { term, index } = entries.at(-1) ?? snapshot;
    const members = named === undefined ? snapshot.members : decodeMembers(named.data);
    return { id: member, node, members, term, index };
  }

  /** Sets of voters that could elect whoever has this log: he votes himself, if he is one, and nobody votes for less than he has. */
  private quorumsFor(log: Found, logs: readonly Found[]): MemberId[][] {
    const { members, id } = log;
    const isOwnVoteNeeded = members.some((member) => member.id === id && member.role === 'voter');
    const voters = members.filter(({ role }) => role !== 'learner').map((member) => member.id);
    const wouldVote = voters.filter((voter) => {
      if (isTie(voter)) return this.tieWouldVote(voter, log);
      const own = logs.find((each) => each.id === voter);
      return own !== undefined && !isNewer(own, log);
    });
    return subsetsOf(wouldVote).filter(
      (chosen) => (chosen.includes(id) || !isOwnVoteNeeded) && isMajority(members, chosen),
    );
  }

  private tieWouldVote(tie: MemberId, log: Found): boolean {
    switch (tieKindOf(tie)) {
      case 'disk':
        return this.diskWouldVote(tie, log);
      case 'proof':
        return this.holdsProof(log, tie);
      // It may vote for both: that is what it is there for.
      case 'solo':
        return false;
    }
  }

  /** One of which a part is another's by now is silent. */
  private diskWouldVote(tie: MemberId, log: Found): boolean {
    if (this.tieDisk === undefined) return false;
    const own = readTieArea(this.tieDisk.peek(TIE_AREA_BYTES)).flatMap((block) =>
      block?.member === tie ? [block] : [],
    );
    return (
      own.length === TIE_NODES &&
      !own.some(({ lastTerm, lastIndex }) => isNewer({ term: lastTerm, index: lastIndex }, log))
    );
  }

  /** Of the others none could take it before all have met again. */
  private holdsProof({ node }: Found, tie: MemberId): boolean {
    const record = node.fileSystem.peekDurable(this.paths.proof);
    if (record === undefined) return false;
    const { member, held } = decodeProofRecord(record);
    return member === tie && held !== undefined;
  }

  private violate(what: string): void {
    this.universe.violate('majorities', what);
  }
}

function isNewer(one: End, other: End): boolean {
  return one.term === other.term ? one.index > other.index : one.term > other.term;
}

/** More than half of the voters; beside a successor also more than half of those that will vote after it has come. */
function isMajority(members: Members, chosen: readonly MemberId[]): boolean {
  const voters = members.filter(({ role }) => role === 'voter').map(({ id }) => id);
  const successors = members.filter(({ role }) => role === 'successor').map(({ id }) => id);
  const isMost = (ids: readonly MemberId[]): boolean =>
    2 * ids.filter((id) => chosen.includes(id)).length > ids.length;
  const later = [...voters.filter((id) => !isTie(id)), ...successors];
  return isMost(voters) && (successors.length === 0 || isMost(later));
}

function areApart(one: readonly MemberId[], other: readonly MemberId[]): boolean {
  return !one.some((id) => other.includes(id));
}

function subsetsOf(ids: readonly MemberId[]): MemberId[][] {
  const numbers = Array.from({ length: 2 ** ids.length }, (_, number) => number);
  return numbers.map((number) => ids.filter((_, place) => Math.floor(number / 2 ** place) % 2 === 1));
}
