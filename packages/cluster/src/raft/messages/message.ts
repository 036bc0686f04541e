/**
 * What members say to one another. On the wire: `kind u8, from text, to text, term u64`, then the body that the message's own file describes.
 * Every message carries its sender's term (pre-votes: the term asked about).
 */
import { EterneError, unreachable } from '@eterne/base';
import { ByteReader, ByteWriter, malformed } from '../codec.ts';
import type { MemberId, RaftTerm } from '../types.ts';
import type { Append } from './append.ts';
import { readAppend, writeAppend } from './append.ts';
import type { AppendReply } from './append-reply.ts';
import { readAppendReply, writeAppendReply } from './append-reply.ts';
import type { Heartbeat } from './heartbeat.ts';
import { readHeartbeat, writeHeartbeat } from './heartbeat.ts';
import type { HeartbeatReply } from './heartbeat-reply.ts';
import { readHeartbeatReply, writeHeartbeatReply } from './heartbeat-reply.ts';
import type { PreVote } from './pre-vote.ts';
import { readPreVote, writePreVote } from './pre-vote.ts';
import type { PreVoteReply } from './pre-vote-reply.ts';
import { readPreVoteReply, writePreVoteReply } from './pre-vote-reply.ts';
import type { Propose } from './propose.ts';
import { readPropose, writePropose } from './propose.ts';
import type { ReadIndex } from './read-index.ts';
import { readReadIndex, writeReadIndex } from './read-index.ts';
import type { ReadIndexReply } from './read-index-reply.ts';
import { readReadIndexReply, writeReadIndexReply } from './read-index-reply.ts';
import type { SnapshotChunk } from './snapshot-chunk.ts';
import { readSnapshotChunk, writeSnapshotChunk } from './snapshot-chunk.ts';
import type { SnapshotReply } from './snapshot-reply.ts';
import { readSnapshotReply, writeSnapshotReply } from './snapshot-reply.ts';
import type { TimeoutNow } from './timeout-now.ts';
import type { Vote } from './vote.ts';
import { readVote, writeVote } from './vote.ts';
import type { VoteReply } from './vote-reply.ts';
import { readVoteReply, writeVoteReply } from './vote-reply.ts';

export type MessageBody =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | SnapshotChunk
  | SnapshotReply
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply
  | Propose;

export interface Message {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: RaftTerm;
  readonly body: MessageBody;
}

/** Position = number on the wire; only ever appended to. */
const KINDS: readonly MessageBody['kind'][] = [
  'pre-vote',
  'pre-vote-reply',
  'vote',
  'vote-reply',
  'append',
  'append-reply',
  'heartbeat',
  'heartbeat-reply',
  'snapshot-chunk',
  'snapshot-reply',
  'timeout-now',
  'read-index',
  'read-index-reply',
  'propose',
];

export function encodeMessage(message: Message): Buffer {
  const writer = new ByteWriter();
  writer.u8(KINDS.indexOf(message.body.kind)).text(message.from).text(message.to).u64(message.term);
  writeBody(message.body, writer);
  return writer.finish();
}

/** The message, or `protocol` when the bytes are not exactly one. */
export function decodeMessage(bytes: Buffer): Message | EterneError {
  try {
    const reader = new ByteReader(bytes);
    const kindNumber = reader.u8();
    const kind = KINDS[kindNumber];
    if (kind === undefined) throw malformed(`message kind ${kindNumber}`);
    const from = reader.text();
    const to = reader.text();
    const term = reader.u64();
    const body = readBody(kind, reader);
    reader.end();
    return { from, to, term, body };
  } catch (cause) {
    if (!(cause instanceof EterneError)) throw cause;
    return new EterneError('protocol', `not a message of the log: ${cause.message}`, { cause });
  }
}

function writeBody(body: MessageBody, to: ByteWriter): void {
  switch (body.kind) {
    case 'pre-vote':
      return writePreVote(body, to);
    case 'pre-vote-reply':
      return writePreVoteReply(body, to);
    case 'vote':
      return writeVote(body, to);
    case 'vote-reply':
      return writeVoteReply(body, to);
    case 'append':
      return writeAppend(body, to);
    case 'append-reply':
      return writeAppendReply(body, to);
    case 'heartbeat':
      return writeHeartbeat(body, to);
    case 'heartbeat-reply':
      return writeHeartbeatReply(body, to);
    case 'snapshot-chunk':
      return writeSnapshotChunk(body, to);
    case 'snapshot-reply':
      return writeSnapshotReply(body, to);
    case 'timeout-now':
      return;
    case 'read-index':
      return writeReadIndex(body, to);
    case 'read-index-reply':
      return writeReadIndexReply(body, to);
    case 'propose':
      return writePropose(body, to);
    default:
      unreachable(body);
  }
}

function readBody(kind: MessageBody['kind'], from: ByteReader): MessageBody {
  switch (kind) {
    case 'pre-vote':
      return readPreVote(from);
    case 'pre-vote-reply':
      return readPreVoteReply(from);
    case 'vote':
      return readVote(from);
    case 'vote-reply':
      return readVoteReply(from);
    case 'append':
      return readAppend(from);
    case 'append-reply':
      return readAppendReply(from);
    case 'heartbeat':
      return readHeartbeat(from);
    case 'heartbeat-reply':
      return readHeartbeatReply(from);
    case 'snapshot-chunk':
      return readSnapshotChunk(from);
    case 'snapshot-reply':
      return readSnapshotReply(from);
    case 'timeout-now':
      return { kind };
    case 'read-index':
      return readReadIndex(from);
    case 'read-index-reply':
      return readReadIndexReply(from);
    case 'propose':
      return readPropose(from);
    default:
      return unreachable(kind);
  }
}
