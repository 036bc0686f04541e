/**
 * The NBD wire format, alone: every magic number, code and layout that the server uses, and nothing that acts on them.
 * Source: the NBD project's `doc/proto.md` (fixed newstyle, structured replies, base:allocation). All integers are
 * big-endian. Section names in the comments are that document's.
 *
 * "Newstyle negotiation"
 * ```
 *   server → client   u64 NBDMAGIC, u64 IHAVEOPT, u16 handshake flags
 *   client → server   u32 client flags
 *   client → server   u64 IHAVEOPT, u32 option, u32 length, data            repeated
 *   server → client   u64 option reply magic, u32 option, u32 reply type, u32 length, data
 * ```
 * "Transmission phase"
 * ```
 *   request           u32 magic, u16 flags, u16 type, u64 cookie, u64 offset, u32 length, [payload of a WRITE]
 *   simple reply      u32 magic, u32 error, u64 cookie, [data of a READ]
 *   structured chunk  u32 magic, u16 flags, u16 type, u64 cookie, u32 length, payload
 * ```
 */

/** `NBDMAGIC` and `IHAVEOPT` in ASCII, as they open the greeting. */
export const GREETING_MAGIC = Buffer.from('NBDMAGICIHAVEOPT', 'latin1');
export const OPTION_MAGIC = Buffer.from('IHAVEOPT', 'latin1');
export const OPTION_REPLY_MAGIC = Buffer.from('0003e889045565a9', 'hex');
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** "Flag fields": handshake flags; the client's flags use the same bits. */
export const HANDSHAKE_FLAG = { fixedNewstyle: 1 << 0, noZeroes: 1 << 1 } as const;

/** "Option types". */
export const OPTION = {
  exportName: 1,
  abort: 2,
  list: 3,
  startTls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
} as const;

/** "Option reply types". */
export const OPTION_REPLY = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  errorUnsupported: 0x80000001,
  errorPolicy: 0x80000002,
  errorInvalid: 0x80000003,
  errorTlsRequired: 0x80000005,
  errorUnknown: 0x80000006,
} as const;

/** "NBD_OPT_INFO and NBD_OPT_GO": information types. */
export const INFO = { export: 0, name: 1, description: 2, blockSize: 3 } as const;

/** "Transmission flags" of an export. */
export const TRANSMISSION_FLAG = {
  hasFlags: 1 << 0,
  readOnly: 1 << 1,
  sendFlush: 1 << 2,
  sendFua: 1 << 3,
  sendTrim: 1 << 5,
  sendWriteZeroes: 1 << 6,
  sendDf: 1 << 7,
  canMultiConn: 1 << 8,
  sendCache: 1 << 10,
} as const;

/** "Request types". */
export const COMMAND = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  cache: 5,
  writeZeroes: 6,
  blockStatus: 7,
} as const;

/** "Command flags". */
export const COMMAND_FLAG = { fua: 1 << 0, noHole: 1 << 1, df: 1 << 2, reqOne: 1 << 3 } as const;

/** "Structured reply flags" and "Structured reply types". */
export const CHUNK_FLAG_DONE = 1;
export const CHUNK = { offsetData: 1, blockStatus: 5, error: 0x8001 } as const;

/** "Error values": Linux errno numbers, the only ones the protocol knows. */
export const ERROR = {
  EPERM: 1,
  EIO: 5,
  EINVAL: 22,
  ENOSPC: 28,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;
export type NbdErrorName = keyof typeof ERROR;

/** "Metadata querying": the one context this server offers, and the id it gives it. */
export const ALLOCATION_CONTEXT = 'base:allocation';
export const ALLOCATION_CONTEXT_ID = 1;
/** base:allocation status bits: a range is either data, or a hole that reads as zeroes (NBD_STATE_HOLE and NBD_STATE_ZERO). */
export const ALLOCATION_STATUS = { data: 0, hole: 3 } as const;

export const REQUEST_HEADER_BYTES = 28;
export const SIMPLE_REPLY_BYTES = 16;
export const CHUNK_HEADER_BYTES = 20;
export const OPTION_HEADER_BYTES = 16;
export const CLIENT_FLAGS_BYTES = 4;
/** Reserved zeroes after an EXPORT_NAME answer, unless both sides agreed on NO_ZEROES. */
export const EXPORT_NAME_PADDING_BYTES = 124;
