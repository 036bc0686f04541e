/**
 * The target's side of a CHAP exchange (RFC 7143 §12.1.3). Pure but for hash and random bytes.
 * ```
 *   AuthMethod=CHAP ──▶ CHAP_A ──(A, I, C)──▶ CHAP_N, CHAP_R [, CHAP_I, CHAP_C] ──([N, R])──▶ proven
 * ```
 */
import {
  CHALLENGE_BYTES,
  chapResponse,
  chooseAlgorithm,
  decodeBinary,
  encodeBinary,
  sameResponse,
  type TextKeys,
} from '@eterne/iscsi';
import type { Random } from '@eterne/runtime';

export interface ChapCredentials {
  readonly user: string;
  readonly password: string;
  /** With which the target proves itself, if the initiator asks for it. */
  readonly mutualUser?: string | undefined;
  readonly mutualPassword?: string | undefined;
}

type ChapState =
  | { readonly kind: 'algorithm' }
  | {
      readonly kind: 'response';
      readonly hash: string;
      readonly identifier: number;
      readonly challenge: Buffer;
    }
  | { readonly kind: 'proven' };

export type ChapStep =
  | { readonly kind: 'answer'; readonly keys: [string, string][]; readonly proven: boolean }
  | { readonly kind: 'refused'; readonly reason: string };

const refused = (reason: string): ChapStep => ({ kind: 'refused', reason });

export class ChapExchange {
  readonly #credentials: ChapCredentials;
  readonly #random: Random;
  #state: ChapState = { kind: 'algorithm' };

  constructor(credentials: ChapCredentials, random: Random) {
    this.#credentials = credentials;
    this.#random = random;
  }

  step(keys: TextKeys): ChapStep {
    switch (this.#state.kind) {
      case 'algorithm':
        return this.#challenge(keys);
      case 'response':
        return this.#verify(keys, this.#state);
      case 'proven':
        return { kind: 'answer', keys: [], proven: true };
    }
  }

  #challenge(keys: TextKeys): ChapStep {
    const offered = keys.get('CHAP_A');
    if (offered === undefined) return refused('no CHAP_A');
    const algorithm = chooseAlgorithm(offered);
    if (algorithm === undefined) return refused('no CHAP algorithm in common');
    const identifier = this.#random.below(256);
    const challenge = this.#random.bytes(CHALLENGE_BYTES);
    this.#state = { kind: 'response', hash: algorithm.hash, identifier, challenge };
    return {
      kind: 'answer',
      keys: [
        ['CHAP_A', String(algorithm.number)],
        ['CHAP_I', String(identifier)],
        ['CHAP_C', encodeBinary(challenge)],
      ],
      proven: false,
    };
  }

  #verify(keys: TextKeys, state: Extract<ChapState, { kind: 'response' }>): ChapStep {
    const { user, password } = this.#credentials;
    const given = decodeBinary(keys.get('CHAP_R') ?? '');
    if (given === undefined) return refused('no or malformed CHAP_R');
    // Both are compared, whatever the first comparison says: the time must not tell which was wrong.
    const nameRight = keys.get('CHAP_N') === user;
    const responseRight = sameResponse(
      chapResponse(state.hash, state.identifier, password, state.challenge),
      given,
    );
    if (!nameRight || !responseRight) return refused('wrong CHAP user or secret');
    const mutual = this.#proveOurselves(keys, state);
    if (typeof mutual === 'string') return refused(mutual);
    this.#state = { kind: 'proven' };
    return { kind: 'answer', keys: mutual, proven: true };
  }

  /** Our answer to the initiator's own challenge, or why it gets none. */
  #proveOurselves(
    keys: TextKeys,
    state: Extract<ChapState, { kind: 'response' }>,
  ): [string, string][] | string {
    const asked = keys.get('CHAP_C');
    if (asked === undefined) return [];
    const { mutualUser, mutualPassword } = this.#credentials;
    if (mutualUser === undefined || mutualPassword === undefined) return 'mutual CHAP is not configured';
    const challenge = decodeBinary(asked);
    const identifier = Number(keys.get('CHAP_I') ?? Number.NaN);
    if (challenge === undefined || !Number.isInteger(identifier) || identifier < 0 || identifier > 255)
      return 'malformed CHAP_I or CHAP_C';
    // "The same challenge back" is the reflection attack of §12.1.3.
    if (challenge.equals(state.challenge)) return 'the challenge was reflected';
    return [
      ['CHAP_N', mutualUser],
      ['CHAP_R', encodeBinary(chapResponse(state.hash, identifier, mutualPassword, challenge))],
    ];
  }
}
