/**
 * The login phase seen from the initiator (RFC 7143 §6.3). Pure: a login response in, the next request or the end out.
 * ```
 *   with CHAP: security (method) ──▶ security (algorithm) ──▶ security (response) ──T──▶ operational ──T──▶ full feature
 *   without:                                                                            operational ──T──▶ full feature
 * ```
 */
import { EterneError } from '@eterne/base';
import { chapResponse, chooseAlgorithm, decodeBinary, encodeBinary } from '../chap.ts';
import { DEFAULT_DATA_SEGMENT_BYTES, MAX_DATA_SEGMENT_BYTES } from '../limits.ts';
import type { LoginRequest } from '../pdu/login-request.ts';
import type { LoginResponse } from '../pdu/login-response.ts';
import { decodeText, encodeText, type TextKeys } from '../text.ts';
import { LOGIN_STATUS, STAGE } from '../wire.ts';

export interface LoginOptions {
  readonly initiator: string;
  readonly isid: Buffer;
  readonly target: string;
  readonly chap: { readonly user: string; readonly password: string } | undefined;
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
}

export interface AgreedParameters {
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
  /** What the target takes in one PDU. */
  readonly targetSegmentBytes: number;
  readonly immediateData: boolean;
  readonly firstBurstBytes: number;
}

export type LoginStep =
  | { readonly kind: 'send'; readonly request: LoginRequest; readonly text: Buffer }
  | { readonly kind: 'done'; readonly agreed: AgreedParameters }
  | { readonly kind: 'failed'; readonly reason: string };

type Pairs = readonly (readonly [string, string])[];

const MAX_STEPS = 16;
const FIRST_BURST_BYTES = 256 * 1024;
const MAX_BURST_BYTES = 4 * 1024 * 1024;
/** SHA-256, SHA-1, MD5. */
const CHAP_ALGORITHMS = '7,6,5';

export class LoginDialogue {
  readonly #options: LoginOptions;
  readonly #keys = new Map<string, string>();
  #stage: number;
  #expected: 'method' | 'challenge' | 'acceptance' | 'parameters';
  #steps = 0;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.#stage = options.chap === undefined ? STAGE.operational : STAGE.security;
    this.#expected = options.chap === undefined ? 'parameters' : 'method';
  }

  first(): LoginStep {
    const who: Pairs = [
      ['InitiatorName', this.#options.initiator],
      ['SessionType', 'Normal'],
      ['TargetName', this.#options.target],
    ];
    return this.#expected === 'method'
      ? this.#send([...who, ['AuthMethod', 'CHAP']], false, 0)
      : this.#send([...who, ...this.#offers()], true, 0);
  }

  /** `expStatSn`: the next one expected of the target. */
  answer(response: LoginResponse, text: Buffer, expStatSn: number): LoginStep {
    this.#steps += 1;
    if (response.status !== LOGIN_STATUS.success)
      return failed(
        `the target refused the login with status ${response.status.toString(16).padStart(4, '0')}h`,
      );
    if (this.#steps > MAX_STEPS || response.continues) return failed('the login does not come to an end');
    let keys: TextKeys;
    try {
      keys = decodeText(text);
    } catch (error) {
      if (error instanceof EterneError) return failed(error.message);
      throw error;
    }
    for (const [key, value] of keys) this.#keys.set(key, value);
    return this.#next(response, keys, expStatSn);
  }

  #next(response: LoginResponse, keys: TextKeys, expStatSn: number): LoginStep {
    switch (this.#expected) {
      case 'method':
        if (keys.get('AuthMethod') !== 'CHAP') return failed('the target does not offer CHAP');
        this.#expected = 'challenge';
        return this.#send([['CHAP_A', CHAP_ALGORITHMS]], false, expStatSn);
      case 'challenge':
        return this.#respond(keys, expStatSn);
      case 'acceptance':
        if (!response.transit) return failed('the target does not accept our CHAP response');
        this.#stage = STAGE.operational;
        this.#expected = 'parameters';
        return this.#send(this.#offers(), true, expStatSn);
      case 'parameters':
        // A target that has more to say first is asked to go on.
        if (!response.transit) return this.#send([], true, expStatSn);
        return response.nextStage === STAGE.fullFeature
          ? { kind: 'done', agreed: this.#agreed() }
          : failed('the target moves to a stage that was not asked for');
    }
  }

  #respond(keys: TextKeys, expStatSn: number): LoginStep {
    const { chap } = this.#options;
    const algorithm = chooseAlgorithm(keys.get('CHAP_A') ?? '');
    const identifier = Number(keys.get('CHAP_I'));
    const challenge = decodeBinary(keys.get('CHAP_C') ?? '');
    const isWhole = Number.isInteger(identifier) && identifier >= 0 && identifier <= 255;
    if (chap === undefined || algorithm === undefined || challenge === undefined || !isWhole)
      return failed('the target sent no proper CHAP challenge');
    const response = chapResponse(algorithm.hash, identifier, chap.password, challenge);
    this.#expected = 'acceptance';
    const proof: Pairs = [
      ['CHAP_N', chap.user],
      ['CHAP_R', encodeBinary(response)],
    ];
    return this.#send(proof, true, expStatSn);
  }

  #offers(): Pairs {
    const digest = (wanted: boolean): string => (wanted ? 'CRC32C,None' : 'None');
    return [
      ['HeaderDigest', digest(this.#options.headerDigest)],
      ['DataDigest', digest(this.#options.dataDigest)],
      ['MaxRecvDataSegmentLength', String(MAX_DATA_SEGMENT_BYTES)],
      ['InitialR2T', 'Yes'],
      ['ImmediateData', 'Yes'],
      ['MaxBurstLength', String(MAX_BURST_BYTES)],
      ['FirstBurstLength', String(FIRST_BURST_BYTES)],
      ['MaxConnections', '1'],
      ['MaxOutstandingR2T', '1'],
      ['DataPDUInOrder', 'Yes'],
      ['DataSequenceInOrder', 'Yes'],
      ['DefaultTime2Wait', '2'],
      ['DefaultTime2Retain', '0'],
      ['ErrorRecoveryLevel', '0'],
    ];
  }

  #agreed(): AgreedParameters {
    const number = (key: string, otherwise: number): number => {
      const value = Number(this.#keys.get(key) ?? otherwise);
      return Number.isInteger(value) && value >= 512 ? value : otherwise;
    };
    return {
      headerDigest: this.#keys.get('HeaderDigest') === 'CRC32C',
      dataDigest: this.#keys.get('DataDigest') === 'CRC32C',
      targetSegmentBytes: number('MaxRecvDataSegmentLength', DEFAULT_DATA_SEGMENT_BYTES),
      immediateData: this.#keys.get('ImmediateData') === 'Yes',
      firstBurstBytes: Math.min(FIRST_BURST_BYTES, number('FirstBurstLength', DEFAULT_DATA_SEGMENT_BYTES)),
    };
  }

  #send(pairs: Pairs, transit: boolean, expStatSn: number): LoginStep {
    const nextStage = this.#stage === STAGE.security ? STAGE.operational : STAGE.fullFeature;
    const request = {
      transit,
      continues: false,
      currentStage: this.#stage,
      nextStage: transit ? nextStage : 0,
      versionMin: 0,
      isid: this.#options.isid,
      tsih: 0,
      initiatorTaskTag: 0,
      cid: 0,
      cmdSn: 1,
      expStatSn,
    };
    return { kind: 'send', request, text: encodeText(pairs) };
  }
}

const failed = (reason: string): LoginStep => ({ kind: 'failed', reason });
