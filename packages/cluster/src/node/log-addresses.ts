/**
 * Where the embedded log of another member is dialled.
 *
 * Known is who is a member now, and who was one since this process began: it may have left the state and still be asked in the log, whose majority its
 * removal needs (voters.ts). By its name alone nobody is known who has another life: a machine that was removed has not moved to where its successor is.
 *
 * Before the log has told where members are now: where one of that name was when this node last knew, and where its heart is heard, should it have moved
 * meanwhile. Hearts and logs listen at the same numbers.
 */
import type { Address } from '@eterne/runtime';
import { type MemberId, memberIdOf, nodeOfMember } from '../raft/types.ts';
import type { View } from '../service/view.ts';
import { type ClusterState, sortedValues } from '../state/model.ts';
import { type NodeIdentity, servicePorts } from './identity.ts';

type Seen = Pick<View, 'state' | 'caughtUp' | 'paths'>;

/** The members that the log has at most, and as many former ones. */
const KNOWN_MAX = 128;

export class LogAddresses {
  readonly #seeds: NodeIdentity['seeds'];
  readonly #view: () => Seen;
  readonly #known = new Map<MemberId, readonly Address[]>();
  #seen: ClusterState['members'] | undefined;

  /** `view` is asked on every call of `of`; tell every change of it as well (`learn`). */
  constructor(seeds: NodeIdentity['seeds'], view: () => Seen) {
    this.#seeds = seeds;
    this.#view = view;
  }

  learn(): void {
    const { members } = this.#view().state;
    if (members === this.#seen) return;
    this.#seen = members;
    for (const { name, voterId, addresses } of sortedValues(members)) {
      const member = memberIdOf(name, voterId);
      // The newest stand last.
      this.#known.delete(member);
      this.#known.set(member, addresses.map(logPort));
    }
    for (const member of [...this.#known.keys()].slice(0, -KNOWN_MAX)) this.#known.delete(member);
  }

  /** Empty: nobody has told. */
  of(member: MemberId): readonly Address[] {
    this.learn();
    const { caughtUp, paths } = this.#view();
    const known = this.#known.get(member) ?? [];
    if (caughtUp) return known;
    const node = nodeOfMember(member);
    const seeded = this.#seeds.find((seed) => seed.node === node)?.addresses ?? [];
    const heard = paths.flatMap(({ peer, up, remote = [] }) => (peer === node && up ? remote : []));
    return [...new Set([...heard.map(logPort), ...known, ...seeded.map(logPort)])];
  }
}

export function logPort(address: Address): Address {
  return servicePorts(address).raft;
}
