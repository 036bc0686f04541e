/**
 * "NBD_OPT_LIST_META_CONTEXT" and "NBD_OPT_SET_META_CONTEXT":
 * `u32 name length, export name, u32 query count, (u32 length, query) × count`.
 * One META_CONTEXT reply (`u32 id, context name`) for each context that a query matches, then ACK. The only context is
 * base:allocation; LIST also matches the empty list and the name space `base:`.
 */
import type { ExportCatalog } from '../export.ts';
import { ALLOCATION_CONTEXT, ALLOCATION_CONTEXT_ID, OPTION, OPTION_REPLY } from '../wire.ts';
import { OptionFields } from './fields.ts';
import { ack, optionError, optionReply } from './reply.ts';

export interface MetaContextAnswer {
  readonly send: readonly Buffer[];
  /** SET only: the export for which base:allocation is now selected. */
  readonly selectedFor: string | undefined;
}

export function answerMetaContext(
  option: typeof OPTION.listMetaContext | typeof OPTION.setMetaContext,
  data: Buffer,
  exports: ExportCatalog,
  structuredReplies: boolean,
): MetaContextAnswer {
  const fields = new OptionFields(data);
  const name = fields.string();
  const queries = fields.repeat(fields.u32(), 4, () => fields.string());
  if (!fields.complete) return refuse(option, OPTION_REPLY.errorInvalid, 'malformed option');
  if (!structuredReplies) return refuse(option, OPTION_REPLY.errorInvalid, 'structured replies come first');
  const found = exports.find(name);
  if (found.kind === 'unknown')
    return refuse(option, OPTION_REPLY.errorUnknown, `no export ${JSON.stringify(name)}`);
  if (found.kind === 'withheld') return refuse(option, OPTION_REPLY.errorPolicy, found.reason);
  const listing = option === OPTION.listMetaContext;
  const matched = listing ? matchesList(queries) : queries.includes(ALLOCATION_CONTEXT);
  const replies = matched ? [optionReply(option, OPTION_REPLY.metaContext, contextReply(listing))] : [];
  return { send: [...replies, ack(option)], selectedFor: matched && !listing ? name : undefined };
}

function refuse(option: number, type: Parameters<typeof optionError>[1], message: string): MetaContextAnswer {
  return { send: [optionError(option, type, message)], selectedFor: undefined };
}

function matchesList(queries: readonly string[]): boolean {
  return queries.length === 0 || queries.includes('base:') || queries.includes(ALLOCATION_CONTEXT);
}

/** In a LIST reply the id means nothing and is zero. */
function contextReply(listing: boolean): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(listing ? 0 : ALLOCATION_CONTEXT_ID, 0);
  return Buffer.concat([id, Buffer.from(ALLOCATION_CONTEXT)]);
}
