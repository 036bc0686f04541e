/**
 * Text requests in the full feature phase (RFC 7143 §6.4, §11.10): SendTargets (§13.3, appendix C). Pure. Long answers go out in pieces (§11.11).
 * ```
 *   idle ──C bit──▶ question incomplete ──rest of it──▶ answering ──last piece──▶ idle        a request without a tag begins anew
 * ```
 */
import { EterneError } from '@eterne/base';
import { MAX_TEXT_BYTES, NO_TAG, REJECT, decodeText, encodeText } from '@eterne/iscsi';
import type { TextRequest } from '@eterne/iscsi/pdu/text-request.ts';
import { writeTextResponse } from '@eterne/iscsi/pdu/text-response.ts';
import { isLoginKey } from './negotiation.ts';

export interface PortalDirectory {
  /** Names of the targets that this initiator may log in to. */
  listTargets(initiatorName: string): readonly string[];
  /** `host:port` of each portal, and the tag of their portal group. */
  addresses(): readonly string[];
  readonly group: number;
}

export type TextAnswer =
  | { readonly kind: 'reject'; readonly reason: number }
  | {
      readonly kind: 'answer';
      readonly write: typeof writeTextResponse;
      readonly fields: {
        readonly final: boolean;
        readonly continues: boolean;
        readonly targetTransferTag: number;
      };
      readonly text: Buffer;
    };

type Pair = readonly [string, string];

const CONTINUATION_TAG = 1;
const refuse = (reason: number): TextAnswer => ({ kind: 'reject', reason });

export class TextExchange {
  readonly #portals: PortalDirectory;
  readonly #initiatorName: string;
  /** Of a normal session; undefined in a discovery session. */
  readonly #ownTarget: string | undefined;
  readonly #pieceBytes: number;
  #question: Buffer[] = [];
  #questionBytes = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(
    portals: PortalDirectory,
    initiatorName: string,
    ownTarget: string | undefined,
    pieceBytes: number,
  ) {
    this.#portals = portals;
    this.#initiatorName = initiatorName;
    this.#ownTarget = ownTarget;
    this.#pieceBytes = pieceBytes;
  }

  step(request: TextRequest, text: Buffer): TextAnswer {
    if (request.targetTransferTag === NO_TAG) this.#forget();
    // §11.10.4: else the tag is the one of our last answer.
    else if (request.targetTransferTag !== CONTINUATION_TAG || !this.#isUnderWay())
      return refuse(REJECT.invalidPduField);
    if (this.#rest.length > 0) return this.#piece();
    this.#questionBytes += text.length;
    if (this.#questionBytes > MAX_TEXT_BYTES) return refuse(REJECT.protocolError);
    this.#question.push(Buffer.from(text));
    if (request.continues) return this.#answer(Buffer.alloc(0), false, CONTINUATION_TAG);
    const whole = Buffer.concat(this.#question.splice(0));
    this.#questionBytes = 0;
    try {
      return this.#respond(whole);
    } catch (error) {
      if (error instanceof EterneError) return refuse(REJECT.invalidPduField);
      throw error;
    }
  }

  #respond(question: Buffer): TextAnswer {
    const answers: Pair[] = [];
    for (const [key, value] of decodeText(question)) {
      if (key !== 'SendTargets') {
        // §6.2: a key that is not known is answered so; one of the login has no place here (§13, "LO").
        answers.push([key, isLoginKey(key) ? 'Reject' : 'NotUnderstood']);
        continue;
      }
      const targets = this.#sendTargets(value);
      if (targets === undefined) return refuse(REJECT.protocolError);
      answers.push(...targets);
    }
    this.#rest = encodeText(answers);
    return this.#piece();
  }

  #isUnderWay(): boolean {
    return this.#rest.length > 0 || this.#question.length > 0;
  }

  #forget(): void {
    this.#question = [];
    this.#questionBytes = 0;
    this.#rest = Buffer.alloc(0);
  }

  /** Undefined when the value is not allowed: `All` belongs to discovery sessions only (appendix C). Of a name that is not ours nothing is told. */
  #sendTargets(value: string): readonly Pair[] | undefined {
    if (value === 'All' && this.#ownTarget !== undefined) return undefined;
    const wanted = value === '' ? this.#ownTarget : value;
    if (wanted === undefined || (this.#ownTarget !== undefined && wanted !== this.#ownTarget))
      return undefined;
    const visible = this.#portals.listTargets(this.#initiatorName);
    const { group } = this.#portals;
    const portals = this.#portals
      .addresses()
      .map((address): Pair => ['TargetAddress', `${address},${group}`]);
    const answers: Pair[] = [];
    for (const name of visible)
      if (wanted === 'All' || name === wanted) answers.push(['TargetName', name], ...portals);
    return answers;
  }

  #piece(): TextAnswer {
    const piece = this.#rest.subarray(0, this.#pieceBytes);
    this.#rest = this.#rest.subarray(piece.length);
    const more = this.#rest.length > 0;
    return this.#answer(piece, !more, more ? CONTINUATION_TAG : NO_TAG, more);
  }

  #answer(text: Buffer, final: boolean, targetTransferTag: number, continues = false): TextAnswer {
    return {
      kind: 'answer',
      write: writeTextResponse,
      fields: { final, continues, targetTransferTag },
      text,
    };
  }
}
