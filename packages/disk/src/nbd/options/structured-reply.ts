/** "NBD_OPT_STRUCTURED_REPLY": no data; ACK means that READs are answered in structured chunks from now on. */
import { OPTION, OPTION_REPLY } from '../wire.ts';
import { ack, optionError } from './reply.ts';

export interface StructuredReplyAnswer {
  readonly send: readonly Buffer[];
  readonly accepted: boolean;
}

export function answerStructuredReply(data: Buffer): StructuredReplyAnswer {
  if (data.length === 0) return { send: [ack(OPTION.structuredReply)], accepted: true };
  const error = optionError(
    OPTION.structuredReply,
    OPTION_REPLY.errorInvalid,
    'STRUCTURED_REPLY takes no data',
  );
  return { send: [error], accepted: false };
}
