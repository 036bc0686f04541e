/**
 * "NBD_OPT_STARTTLS": no data; ACK means that everything after it, from both sides, is TLS, and that the negotiation begins anew within. A server
 * that insists answers every other option with ERR_TLS_REQD before ("FORCEDTLS mode").
 */
import { OPTION, OPTION_REPLY } from '../wire.ts';
import { ack, optionError } from './reply.ts';

/** In clear; where TLS is asked for and has not begun; within TLS. */
export type Secrecy = 'clear' | 'demanded' | 'secured';

export interface StartTlsAnswer {
  readonly send: readonly Buffer[];
  readonly accepted: boolean;
}

export function answerStartTls(data: Buffer, secrecy: Secrecy): StartTlsAnswer {
  switch (secrecy) {
    case 'clear':
      return refuse(OPTION_REPLY.errorUnsupported, 'this export has no TLS');
    case 'secured':
      return refuse(OPTION_REPLY.errorInvalid, 'this is TLS already');
    case 'demanded':
      if (data.length > 0) return refuse(OPTION_REPLY.errorInvalid, 'STARTTLS takes no data');
      return { send: [ack(OPTION.startTls)], accepted: true };
  }
}

/** The answer to any other option before TLS. */
export function tlsRequired(option: number): Buffer {
  return optionError(option, OPTION_REPLY.errorTlsRequired, 'this export is served over TLS only');
}

function refuse(type: Parameters<typeof optionError>[1], message: string): StartTlsAnswer {
  return { send: [optionError(OPTION.startTls, type, message)], accepted: false };
}
