/**
 * The login phase of one connection (RFC 7143 §6.3). Pure: a login request with its text in, a reply out.
 * ```
 *   first ──▶ security (AuthMethod, CHAP) ──T──▶ operational (negotiation) ──T──▶ full feature
 *     └────────── no authentication required ───────▲                  any error: refused, the connection ends
 * ```
 */
import { EterneError } from '@eterne/base';
import { LOGIN_STATUS, MAX_TEXT_BYTES, STAGE, decodeText, encodeText, type TextKeys } from '@eterne/iscsi';
import type { LoginRequest } from '@eterne/iscsi/pdu/login-request.ts';
import type { Random } from '@eterne/runtime';
import { MAX_LOGIN_REQUESTS } from '../limits.ts';
import { ChapExchange, type ChapCredentials } from './chap-exchange.ts';
import { DEFAULT_PARAMETERS, OUR_DECLARATION, negotiate, type SessionParameters } from './negotiation.ts';

/** What a login may lead to; found by `LoginDirectory`. */
export interface LoginTarget {
  readonly name: string;
  /** Allowed initiators; empty: any. */
  readonly initiators: readonly string[];
  readonly chap: ChapCredentials | undefined;
}

export const mayLogIn = (initiatorName: string, { initiators }: Pick<LoginTarget, 'initiators'>): boolean =>
  initiators.length === 0 || initiators.includes(initiatorName);

export interface LoginDirectory {
  /** `unavailable`: it is ours, but nobody serves it now; `elsewhere`: another process of ours does. */
  find(targetName: string): LoginTarget | 'unavailable' | 'elsewhere' | undefined;
}

export interface LoginSubject {
  readonly initiatorName: string;
  readonly isid: Buffer;
  /** Undefined: a discovery session. */
  readonly target: LoginTarget | undefined;
  readonly parameters: Readonly<SessionParameters>;
}

export interface LoginReply {
  readonly status: number;
  readonly transit: boolean;
  readonly currentStage: number;
  readonly nextStage: number;
  readonly text: Buffer;
  /** Set with the reply that ends the login well. */
  readonly subject?: LoginSubject;
  /** For the log, when refused. */
  readonly reason?: string;
  /** The target's name: this is not for us to answer, but for the process that serves it, from the first request on. */
  readonly elsewhere?: string;
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

/** Ends a login here that goes on in another process. */
class Elsewhere extends Error {}

const NAME = /^(iqn\.[0-9]{4}-[0-9]{2}\.|eui\.|naa\.)/;
const MAX_NAME_CHARACTERS = 223;
const NOTHING = Buffer.alloc(0);

export class LoginExchange {
  readonly #directory: LoginDirectory;
  readonly #portalGroup: number;
  readonly #random: Random;
  #requests = 0;
  #stage: number | undefined;
  #text: Buffer[] = [];
  #textBytes = 0;
  #initiatorName = '';
  #isid: Buffer = NOTHING;
  #target: LoginTarget | undefined;
  #discovery = false;
  #chap: ChapExchange | undefined;
  #authenticated = false;
  #declared = false;
  /** Operational keys so far. */
  readonly #negotiated = new Set<string>();
  readonly #agreed: SessionParameters = { ...DEFAULT_PARAMETERS };

  /** `portalGroup`: the tag of the group of the portal the initiator came to. */
  constructor(directory: LoginDirectory, portalGroup: number, random: Random) {
    this.#directory = directory;
    this.#portalGroup = portalGroup;
    this.#random = random;
  }

  step(request: LoginRequest, text: Buffer): LoginReply {
    try {
      return this.#step(request, text);
    } catch (error) {
      if (error instanceof Elsewhere)
        return { ...plain(request), transit: false, text: NOTHING, elsewhere: error.message };
      if (error instanceof Refusal) return refuse(request, error.status, error.message);
      if (error instanceof EterneError) return refuse(request, LOGIN_STATUS.initiatorError, error.message);
      throw error;
    }
  }

  #step(request: LoginRequest, text: Buffer): LoginReply {
    this.#requests += 1;
    this.#textBytes += text.length;
    if (this.#requests > MAX_LOGIN_REQUESTS || this.#textBytes > MAX_TEXT_BYTES)
      throw new Refusal(LOGIN_STATUS.initiatorError, 'the login is too long');
    if (request.versionMin > 0)
      throw new Refusal(LOGIN_STATUS.unsupportedVersion, 'no protocol version in common');
    this.#checkStage(request);
    // §11.12.5 and §11.12.6: a login is one connection of one initiator port from its first request to its last.
    if (this.#requests > 1 && !request.isid.equals(this.#isid))
      throw new Refusal(LOGIN_STATUS.initiatorError, 'the ISID changed during the login');
    this.#isid = request.isid;
    this.#text.push(Buffer.from(text));
    // "C bit … the text is continued": answered empty until it is complete.
    if (request.continues) return { ...plain(request), transit: false, text: NOTHING };
    const keys = decodeText(Buffer.concat(this.#text.splice(0)));
    const answers: [string, string][] = [];
    if (this.#initiatorName === '') this.#identify(keys, answers);
    if (request.currentStage === STAGE.security) this.#authenticate(keys, answers);
    else this.#operate(keys, answers);
    return this.#reply(request, answers);
  }

  #checkStage(request: LoginRequest): void {
    const { currentStage, nextStage, transit } = request;
    if (currentStage !== STAGE.security && currentStage !== STAGE.operational)
      throw new Refusal(LOGIN_STATUS.initiatorError, 'no such login stage');
    if (this.#stage !== undefined && currentStage !== this.#stage)
      throw new Refusal(LOGIN_STATUS.initiatorError, 'the login stage changed without a transit');
    if (transit && (nextStage <= currentStage || nextStage === 2))
      throw new Refusal(LOGIN_STATUS.initiatorError, 'the next login stage is not a later one');
    this.#stage = currentStage;
  }

  /** The first request says who wants what (§6.3). */
  #identify(keys: TextKeys, answers: [string, string][]): void {
    const initiatorName = keys.get('InitiatorName');
    if (initiatorName === undefined) throw new Refusal(LOGIN_STATUS.missingParameter, 'no InitiatorName');
    if (!NAME.test(initiatorName) || initiatorName.length > MAX_NAME_CHARACTERS)
      throw new Refusal(LOGIN_STATUS.initiatorError, 'malformed InitiatorName');
    this.#initiatorName = initiatorName;
    const type = keys.get('SessionType') ?? 'Normal';
    if (type === 'Discovery') {
      this.#discovery = true;
      this.#authenticated = true;
      return;
    }
    if (type !== 'Normal') throw new Refusal(LOGIN_STATUS.sessionTypeNotSupported, `session type ${type}`);
    const name = keys.get('TargetName');
    if (name === undefined) throw new Refusal(LOGIN_STATUS.missingParameter, 'no TargetName');
    const target = this.#directory.find(name);
    if (target === undefined) throw new Refusal(LOGIN_STATUS.notFound, `no target ${name}`);
    // Initiators try again after this one (§11.13.5).
    if (target === 'unavailable')
      throw new Refusal(LOGIN_STATUS.serviceUnavailable, `nobody serves ${name} now`);
    if (target === 'elsewhere') throw new Elsewhere(name);
    this.#target = target;
    const { chap } = target;
    if (!mayLogIn(initiatorName, target))
      throw new Refusal(LOGIN_STATUS.authorizationFailure, `initiator ${initiatorName} is not allowed`);
    this.#authenticated = chap === undefined;
    // §13.9.
    answers.push(['TargetPortalGroupTag', String(this.#portalGroup)]);
  }

  #authenticate(keys: TextKeys, answers: [string, string][]): void {
    if (this.#chap !== undefined) {
      const step = this.#chap.step(keys);
      if (step.kind === 'refused') throw new Refusal(LOGIN_STATUS.authenticationFailure, step.reason);
      answers.push(...step.keys);
      this.#authenticated = step.proven;
      return;
    }
    // §12.1.
    const methods = keys.get('AuthMethod')?.split(',');
    if (methods === undefined) return;
    const chap = this.#target?.chap;
    const method = chap === undefined ? 'None' : 'CHAP';
    if (!methods.includes(method))
      throw new Refusal(LOGIN_STATUS.authenticationFailure, `the initiator does not offer ${method}`);
    answers.push(['AuthMethod', method]);
    if (chap !== undefined) this.#chap = new ChapExchange(chap, this.#random);
  }

  #operate(keys: TextKeys, answers: [string, string][]): void {
    if (!this.#authenticated)
      throw new Refusal(LOGIN_STATUS.authenticationFailure, 'authentication was left out');
    // "An attempt to renegotiate … MUST be detected … the target MUST respond with a Login reject (initiator error)" (§6.3).
    for (const key of keys.keys()) {
      if (this.#negotiated.has(key)) throw new Refusal(LOGIN_STATUS.initiatorError, `${key} is given again`);
      this.#negotiated.add(key);
    }
    answers.push(...negotiate(keys, this.#agreed));
    if (this.#declared) return;
    this.#declared = true;
    answers.push([...OUR_DECLARATION]);
  }

  #reply(request: LoginRequest, answers: [string, string][]): LoginReply {
    // No transit out of the security stage before the initiator has proven itself.
    const transit = request.transit && this.#authenticated;
    const text = encodeText(answers);
    if (!transit) return { ...plain(request), transit: false, text };
    this.#stage = request.nextStage;
    if (request.nextStage !== STAGE.fullFeature) return { ...plain(request), transit, text };
    // Both sides may leave the burst lengths at values that contradict each other (§13.14).
    const firstBurstBytes = Math.min(this.#agreed.firstBurstBytes, this.#agreed.maxBurstBytes);
    return {
      ...plain(request),
      transit,
      text,
      subject: {
        initiatorName: this.#initiatorName,
        isid: this.#isid,
        target: this.#discovery ? undefined : this.#target,
        parameters: { ...this.#agreed, firstBurstBytes },
      },
    };
  }
}

const plain = (request: LoginRequest): Pick<LoginReply, 'status' | 'currentStage' | 'nextStage'> => ({
  status: LOGIN_STATUS.success,
  currentStage: request.currentStage,
  nextStage: request.transit ? request.nextStage : 0,
});

function refuse(request: LoginRequest, status: number, reason: string): LoginReply {
  return { ...plain(request), status, transit: false, text: NOTHING, reason };
}
