/** Names and places of the simulated cluster. */
import type { MemberAddress } from '@eterne/cluster/node/identity.ts';
import { proofTieId, soloTieId, tieId } from '@eterne/cluster/raft/tie/tie-id.ts';
import { LEVELS } from '@eterne/cluster/state/levels.ts';
import type { MemberSpec } from '@eterne/cluster/state/model.ts';

export const DIR = '/var/lib/eterne';
export const CLUSTER = 'sim';
export const CLUSTER_ID = '7b6d0b7e-52b1-4c1e-9d6d-1f7f35a0c001';
export const CLUSTER_KEY = Buffer.alloc(32, 7);
export const VOLUME = 'data';
export const GROUP = 'ledger';
export const DATA_PATH = '/srv/data.img';
export const RAFT_LOG_PATH = `${DIR}/raft/log`;

/** The pair's tie-breaker, and its place on both machines. */
export const TIE_ID = tieId('life1');
/** Of a pair that has power switches instead. */
export const PROOF_TIE_ID = proofTieId('life1');
/** Of a pair that prefers availability. */
export const SOLO_TIE_ID = soloTieId('life1');
export const TIE_PATH = '/dev/shared';

export interface Place {
  readonly name: string;
  readonly role: 'node' | 'witness';
  readonly host: string;
  /** Names the voter, of several machines that have had one name. Absent: the first. */
  readonly life?: string;
}

export function lifeOf({ life = 'life1' }: Place): string {
  return life;
}

export function addressOf({ host }: Place): string {
  return `${host}:7700`;
}

export function replicationAddressOf({ host }: Place): string {
  return `${host}:7701`;
}

/** Two nodes and nothing else. */
export const PAIR: readonly Place[] = [
  { name: 'n1', role: 'node', host: '10.1.0.1' },
  { name: 'n2', role: 'node', host: '10.1.0.2' },
];

export function memberAddressOf(place: Place): MemberAddress {
  return { node: place.name, role: place.role, addresses: [addressOf(place)] };
}

export function memberSpecOf(place: Place, level = LEVELS.program): MemberSpec {
  return {
    name: place.name,
    role: place.role,
    addresses: [addressOf(place)],
    api: `${place.host}:7443`,
    voterId: lifeOf(place),
    level,
  };
}
