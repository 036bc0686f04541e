/**
 * The negotiation of one connection. Pure: bytes in; bytes to send and the outcome out.
 * ```
 *   greeting sent ──client flags──▶ options ──GO | EXPORT_NAME──▶ transmission
 *                                    │ └──ABORT | nonsense──▶ closed
 *                                    └──STARTTLS──▶ options, within TLS
 * ```
 */
import type { BlockDevice } from '@eterne/runtime';
import type { ExportCatalog } from './export.ts';
import { HandshakeDecoder } from './handshake-decoder.ts';
import { MAX_OPTIONS } from './limits.ts';
import { exportNameAnswer } from './options/export-name.ts';
import { answerInfo } from './options/info.ts';
import { answerList } from './options/list.ts';
import { answerMetaContext } from './options/meta-context.ts';
import { ack, optionError } from './options/reply.ts';
import { answerStartTls, tlsRequired, type Secrecy } from './options/start-tls.ts';
import { answerStructuredReply } from './options/structured-reply.ts';
import { GREETING_MAGIC, HANDSHAKE_FLAG, OPTION, OPTION_REPLY } from './wire.ts';

/** What was agreed on for the transmission phase. */
export interface NbdSession {
  readonly device: BlockDevice;
  readonly structuredReplies: boolean;
  /** base:allocation was selected for this export: BLOCK_STATUS is allowed. */
  readonly allocationContext: boolean;
}

export type HandshakeOutcome =
  | { readonly kind: 'continue' }
  | { readonly kind: 'close'; readonly reason: string }
  /** TLS begins; `secured` tells when it is there. */
  | { readonly kind: 'secure' }
  /** `rest`: bytes that already belong to the transmission phase. */
  | { readonly kind: 'transmission'; readonly session: NbdSession; readonly rest: Buffer };

export interface HandshakeStep {
  readonly send: readonly Buffer[];
  readonly outcome: HandshakeOutcome;
}

const GO_ON: HandshakeOutcome = { kind: 'continue' };

/** The first bytes on every connection. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_MAGIC.length + 2);
  GREETING_MAGIC.copy(bytes);
  bytes.writeUInt16BE(HANDSHAKE_FLAG.fixedNewstyle | HANDSHAKE_FLAG.noZeroes, GREETING_MAGIC.length);
  return bytes;
}

export class Handshake {
  readonly #exports: ExportCatalog;
  readonly #decoder = new HandshakeDecoder();
  #noZeroes = false;
  #structuredReplies = false;
  #allocationFor: string | undefined;
  #optionsSeen = 0;
  #secrecy: Secrecy;

  constructor(exports: ExportCatalog, secrecy: 'clear' | 'demanded') {
    this.#exports = exports;
    this.#secrecy = secrecy;
  }

  /** What comes now comes through TLS; what was agreed on in clear is void. */
  secured(): void {
    this.#secrecy = 'secured';
    this.#structuredReplies = false;
    this.#allocationFor = undefined;
  }

  /** Not to be called again after an outcome other than `continue`. */
  push(chunk: Buffer): HandshakeStep {
    this.#decoder.push(chunk);
    const send: Buffer[] = [];
    for (let event = this.#decoder.next(); event !== undefined; event = this.#decoder.next()) {
      const step = event.kind === 'option' ? this.#option(event.option, event.data) : this.#otherEvent(event);
      send.push(...step.send);
      if (step.outcome.kind !== 'continue') return { send, outcome: step.outcome };
    }
    return { send, outcome: GO_ON };
  }

  #otherEvent(
    event: { kind: 'client-flags'; flags: number } | { kind: 'failed'; reason: string },
  ): HandshakeStep {
    if (event.kind === 'failed') return close(event.reason);
    const known = HANDSHAKE_FLAG.fixedNewstyle | HANDSHAKE_FLAG.noZeroes;
    if ((event.flags & ~known) !== 0) return close(`unknown client flags 0x${event.flags.toString(16)}`);
    this.#noZeroes = (event.flags & HANDSHAKE_FLAG.noZeroes) !== 0;
    return { send: [], outcome: GO_ON };
  }

  #option(option: number, data: Buffer): HandshakeStep {
    this.#optionsSeen += 1;
    if (this.#optionsSeen > MAX_OPTIONS) return close('too many options');
    if (this.#secrecy === 'demanded' && option !== OPTION.startTls && option !== OPTION.abort)
      return this.#beforeTls(option);
    switch (option) {
      case OPTION.startTls:
        return this.#startTls(data);
      case OPTION.exportName:
        return this.#exportName(data);
      case OPTION.abort:
        return { send: [ack(option)], outcome: { kind: 'close', reason: 'the client aborted' } };
      case OPTION.list:
        return { send: answerList(data, this.#exports), outcome: GO_ON };
      case OPTION.info:
      case OPTION.go:
        return this.#info(option, data);
      case OPTION.structuredReply:
        return this.#structuredReply(data);
      case OPTION.listMetaContext:
      case OPTION.setMetaContext:
        return this.#metaContext(option, data);
      default:
        return {
          send: [optionError(option, OPTION_REPLY.errorUnsupported, `option ${option} is not supported`)],
          outcome: GO_ON,
        };
    }
  }

  /** EXPORT_NAME knows no error but the end of the connection. */
  #beforeTls(option: number): HandshakeStep {
    if (option === OPTION.exportName) return close('an export is opened before TLS');
    return { send: [tlsRequired(option)], outcome: GO_ON };
  }

  /** Nothing may follow STARTTLS in clear: whoever put it there could not be told from the client. */
  #startTls(data: Buffer): HandshakeStep {
    const { send, accepted } = answerStartTls(data, this.#secrecy);
    if (!accepted) return { send, outcome: GO_ON };
    if (this.#decoder.rest().length > 0) return close('bytes in clear after STARTTLS');
    return { send, outcome: { kind: 'secure' } };
  }

  #exportName(data: Buffer): HandshakeStep {
    const name = data.toString('utf8');
    const found = this.#exports.find(name);
    if (found.kind !== 'served') return close(`export ${JSON.stringify(name)} is not served`);
    const answer = exportNameAnswer(found.device, this.#structuredReplies, this.#noZeroes);
    return { send: [answer], outcome: this.#transmission(name, found.device) };
  }

  #info(option: number, data: Buffer): HandshakeStep {
    const { send, opened } = answerInfo(option, data, this.#exports, this.#structuredReplies);
    if (option === OPTION.info || opened === undefined) return { send, outcome: GO_ON };
    return { send, outcome: this.#transmission(opened.name, opened.device) };
  }

  #structuredReply(data: Buffer): HandshakeStep {
    const { send, accepted } = answerStructuredReply(data);
    this.#structuredReplies ||= accepted;
    return { send, outcome: GO_ON };
  }

  #metaContext(
    option: typeof OPTION.listMetaContext | typeof OPTION.setMetaContext,
    data: Buffer,
  ): HandshakeStep {
    const { send, selectedFor } = answerMetaContext(option, data, this.#exports, this.#structuredReplies);
    if (option === OPTION.setMetaContext) this.#allocationFor = selectedFor;
    return { send, outcome: GO_ON };
  }

  /** A context counts only for the very name it was selected for ("NBD_OPT_SET_META_CONTEXT"). */
  #transmission(name: string, device: BlockDevice): HandshakeOutcome {
    const session: NbdSession = {
      device,
      structuredReplies: this.#structuredReplies,
      allocationContext: this.#allocationFor === name,
    };
    return { kind: 'transmission', session, rest: this.#decoder.rest() };
  }
}

function close(reason: string): HandshakeStep {
  return { send: [], outcome: { kind: 'close', reason } };
}
