/** Text requests in the full feature phase: SendTargets (RFC 7143 §4.3, appendix C). Pure. Long answers go out in pieces (§11.11). */
import { EterneError } from '@eterne/base';
import { MAX_TEXT_BYTES, NO_TAG, REJECT, decodeText, encodeText } from '@eterne/iscsi';
import type { TextRequest } from '@eterne/iscsi/pdu/text-request.ts';
import { writeTextResponse } from '@eterne/iscsi/pdu/text-response.ts';

export interface PortalDirectory {
  /** Names of all targets as this initiator may see them. */
  listTargets(): readonly string[];
  /** `host:port`, and the tag of its portal group. */
  readonly portal: { readonly address: string; readonly group: number };
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

const CONTINUATION_TAG = 1;
const refuse = (reason: number): TextAnswer => ({ kind: 'reject', reason });

export class TextExchange {
  readonly #portals: PortalDirectory;
  /** Of a normal session; undefined in a discovery session. */
  readonly #ownTarget: string | undefined;
  readonly #pieceBytes: number;
  #question: Buffer[] = [];
  #questionBytes = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(portals: PortalDirectory, ownTarget: string | undefined, pieceBytes: number) {
    this.#portals = portals;
    this.#ownTarget = ownTarget;
    this.#pieceBytes = pieceBytes;
  }

  step(request: TextRequest, text: Buffer): TextAnswer {
    if (request.targetTransferTag === CONTINUATION_TAG && this.#rest.length > 0) return this.#piece();
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
    const answers: (readonly [string, string])[] = [];
    for (const [key, value] of decodeText(question)) {
      if (key !== 'SendTargets') return refuse(REJECT.protocolError);
      const targets = this.#sendTargets(value);
      if (targets === undefined) return refuse(REJECT.protocolError);
      answers.push(...targets);
    }
    this.#rest = encodeText(answers);
    return this.#piece();
  }

  /** Undefined when the value is not allowed: `All` belongs to discovery sessions only (appendix C). */
  #sendTargets(value: string): readonly (readonly [string, string])[] | undefined {
    if (value === 'All' && this.#ownTarget !== undefined) return undefined;
    const wanted = value === 'All' ? undefined : value === '' ? this.#ownTarget : value;
    if (wanted === undefined && value !== 'All') return undefined;
    const found = this.#portals.listTargets().filter((name) => wanted === undefined || name === wanted);
    if (found.length === 0 && wanted !== undefined) return undefined;
    const { address, group } = this.#portals.portal;
    return found.flatMap((name) => [
      ['TargetName', name] as const,
      ['TargetAddress', `${address},${group}`] as const,
    ]);
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
