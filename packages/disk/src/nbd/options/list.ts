/** "NBD_OPT_LIST": no data; one SERVER reply (`u32 name length, name`) for each export that can be opened, then ACK. */
import type { ExportCatalog } from '../export.ts';
import { OPTION, OPTION_REPLY } from '../wire.ts';
import { ack, optionError, optionReply } from './reply.ts';

export function answerList(data: Buffer, exports: ExportCatalog): readonly Buffer[] {
  if (data.length > 0) return [optionError(OPTION.list, OPTION_REPLY.errorInvalid, 'LIST takes no data')];
  const servers = exports
    .names()
    .map((name) => optionReply(OPTION.list, OPTION_REPLY.server, lengthAndName(name)));
  return [...servers, ack(OPTION.list)];
}

function lengthAndName(name: string): Buffer {
  const bytes = Buffer.from(name);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length, 0);
  return Buffer.concat([length, bytes]);
}
