/** What two nodes do when they no longer hear each other: whether that is a question, what holds now, and the answer as a document. Pure. */
import type { ClusterStatus } from '../api/types.ts';

export type PairChoice = 'witness' | 'disk' | 'consistency' | 'availability';

export interface PairAnswers {
  readonly choice: PairChoice;
  /** `disk`: by the same path on both nodes. */
  readonly device: string;
  /** `disk` and `availability`: reference addresses, separated by commas; none is allowed. */
  readonly ping: string;
}

const ADDRESSES_MAX = 8;
const ADDRESS = /^[0-9a-zA-Z.:-]+$/;

type PairStatus = Pick<ClusterStatus, 'nodes' | 'tieBreaker' | 'consensus'>;

/** Nobody outvotes the loss of one: neither a third member, nor a log elsewhere, nor a tie-breaker that decides by itself. */
export function isUndecidedPair({ nodes, tieBreaker, consensus }: PairStatus): boolean {
  const isPair = nodes.length === 2 && nodes.every(({ role }) => role === 'node');
  const hasJudge = tieBreaker?.kind === 'disk' || tieBreaker?.kind === 'fencing';
  return isPair && consensus.engine === 'embedded' && !hasJudge;
}

/** A preference that does not vote yet lets nobody go on. */
export function presentPreference({
  tieBreaker,
}: Pick<PairStatus, 'tieBreaker'>): 'consistency' | 'availability' {
  return tieBreaker?.kind === 'availability' && tieBreaker.votes ? 'availability' : 'consistency';
}

export type DeviceProblem = 'tieDeviceMissing' | 'deviceRelative';
export type PingProblem = 'pingWrong' | 'pingMany';

export function tieDeviceProblem(device: string): DeviceProblem | null {
  if (device.trim() === '') return 'tieDeviceMissing';
  return device.trim().startsWith('/') ? null : 'deviceRelative';
}

export function pingProblem(ping: string): PingProblem | null {
  const addresses = addressesOf(ping);
  if (!addresses.every((address) => ADDRESS.test(address))) return 'pingWrong';
  return addresses.length > ADDRESSES_MAX ? 'pingMany' : null;
}

const addressesOf = (ping: string): string[] =>
  ping
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');

/** A witness is no document: it has to ask to join. */
export function isCompletePair({ choice, device, ping }: PairAnswers): boolean {
  switch (choice) {
    case 'witness':
      return false;
    case 'disk':
      return tieDeviceProblem(device) === null && pingProblem(ping) === null;
    case 'consistency':
      return true;
    case 'availability':
      return pingProblem(ping) === null;
  }
}

/** All keys always: a preference beside a tie-breaker is refused, and an old tie-breaker would outlive a new preference. */
export function pairDocument({ choice, device, ping: text }: PairAnswers): unknown {
  const ping = addressesOf(text);
  const tieBreaker = choice === 'disk' ? { kind: 'disk', device: device.trim(), ping } : { kind: 'none' };
  const isAvailability = choice === 'availability';
  return {
    cluster: {
      tieBreaker,
      prefer: isAvailability ? 'availability' : 'consistency',
      ping: isAvailability ? ping : [],
    },
  };
}
