/**
 * Where members are, and what a change of that may not do. Pure.
 *
 * A path joins address i of one member with address i of the other, counted modulo the shorter list. Members hear of a change one after the other, and
 * a new path has to be bound, and heard, at both ends: so what joins two members now must not all go in one step. Add, see that it is up, then take away.
 */
import type { Address } from '@eterne/runtime';
import { NODE_PATHS_MAX, servicePorts } from '../node/identity.ts';
import type { ClusterState, Member, MemberPlace } from './model.ts';
import { sortedValues } from './model.ts';

export interface Way {
  readonly local: Address;
  readonly remote: Address;
}

export function waysBetween(own: readonly Address[], others: readonly Address[]): readonly Way[] {
  return Array.from({ length: Math.max(own.length, others.length) }, (_, index) => ({
    local: own[index % own.length] ?? '',
    remote: others[index % others.length] ?? '',
  }));
}

/** Two members whose paths a change takes away, and what is left of those that they have now. */
export interface Losses {
  readonly a: string;
  readonly b: string;
  /** From `a`'s side. */
  readonly kept: readonly Way[];
  /** One of them leaves an address; else they are only paired in another way, as with every address more. */
  readonly leaves: boolean;
}

/** A member that is not there loses nothing: where it was reached, nobody is. */
export function losses(before: ClusterState, after: ClusterState): readonly Losses[] {
  const pairs = sortedValues(before.members).flatMap((a, index, all) =>
    all.slice(index + 1).map((b) => [a, b] as const),
  );
  return pairs
    .filter((pair) => pair.every(isThere))
    .flatMap(([a, b]) => {
      const had = waysBetween(a.addresses, b.addresses);
      const has = waysBetween(addressesIn(after, a.name), addressesIn(after, b.name));
      const kept = had.filter((way) => has.some(({ local, remote }) => isSame(way, { local, remote })));
      const leaves = [a, b].some(({ name, addresses }) =>
        addresses.some((address) => !addressesIn(after, name).includes(address)),
      );
      return kept.length < had.length ? [{ a: a.name, b: b.name, kept, leaves }] : [];
    });
}

/** Why `after`, which differs from `before` in where members are, may not be. */
export function brokenPlace(before: ClusterState, after: ClusterState): string | undefined {
  const moved = sortedValues(after.members).filter((member) => hasMoved(before.members[member.name], member));
  if (moved.length === 0) return undefined;
  for (const member of moved) {
    const broken = listRule(member) ?? takenRule(after, member);
    if (broken !== undefined) return broken;
  }
  const cut = losses(before, after).find(({ kept }) => kept.length === 0);
  return (
    cut &&
    `${cut.a} and ${cut.b} would keep no path that joins them now: add the new addresses first, and take the old ones away when the new paths are up`
  );
}

export function samePlace(a: MemberPlace, b: MemberPlace): boolean {
  return a.api === b.api && a.addresses.join() === b.addresses.join();
}

function hasMoved(before: Member | undefined, after: Member): boolean {
  return before !== undefined && !samePlace(before, after);
}

function isThere({ presence }: Member): boolean {
  return presence === 'online' || presence === 'unknown';
}

function addressesIn({ members }: ClusterState, name: string): readonly Address[] {
  return members[name]?.addresses ?? [];
}

function isSame(a: Way, b: Way): boolean {
  return a.local === b.local && a.remote === b.remote;
}

function listRule({ name, addresses }: Member): string | undefined {
  if (addresses.length === 0 || addresses.length > NODE_PATHS_MAX)
    return `${name} would have ${addresses.length} addresses: a node has 1 to ${NODE_PATHS_MAX}`;
  const listening = portsOf({ addresses, api: '' });
  const twice = listening.find((address, index) => listening.indexOf(address) < index);
  return twice && `${twice} of ${name} would be used twice`;
}

/** What one of them listens at cannot be another's. */
function takenRule({ members }: ClusterState, member: Member): string | undefined {
  const own = portsOf(member);
  for (const other of sortedValues(members)) {
    if (other.name === member.name) continue;
    const shared = portsOf(other).find((address) => own.includes(address));
    if (shared !== undefined) return `${shared} is used by ${other.name} already`;
  }
  return undefined;
}

function portsOf({ addresses, api }: MemberPlace): readonly Address[] {
  return [...addresses.flatMap((address) => [address, servicePorts(address).replication]), api];
}
