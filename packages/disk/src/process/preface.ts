/**
 * The first line of a replication connection, in plain text, so that whoever accepts it can hand the connection to the
 * volume it is for without speaking the mirror protocol:
 * ```
 *   ETERNE-MIRROR/1 <volume> <from-node>\n                    the mirror protocol; at most 256 bytes
 *   ETERNE-MIRROR/1 <volume> <from-node> new:<bundle>\n       the same, the first of several connections that carry one session
 *   ETERNE-MIRROR/1 <volume> <from-node> join:<bundle>\n      one more of them; a bundle is 16 hexadecimal digits
 *   ETERNE-MIRROR/1 <volume> <from-node> front <portal>\n     an initiator that came to <portal> of a node that is not primary
 *   ETERNE-MIRROR/1 <volume> <from-node> state\n              state of the volume's front end (front-state.ts)
 * ```
 * Changelog: 1 — first version.
 */
import type { Address } from '@eterne/runtime';
import { MAX_PREFACE_BYTES, PREFACE_VERSION, type PathNote } from '../protocol/wire.ts';

/** A peer that has not sent its preface by then is no peer. */
export const PREFACE_TIMEOUT_MS = 2_000;

const NAME = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}';
const PORTAL = '[0-9A-Za-z.:\\[\\]-]{1,64}';
const LINE = new RegExp(
  `^ETERNE-MIRROR/${PREFACE_VERSION} (${NAME}) (${NAME})(?: (?:front (${PORTAL})|(state)|(new|join):([0-9a-f]{16})))?$`,
);
const NEWLINE = 0x0a;

/** What a connection between two nodes carries. */
export type Channel =
  | { readonly kind: 'mirror'; readonly path?: PathNote }
  | { readonly kind: 'front'; readonly portal: Address }
  | { readonly kind: 'state' };

export interface Preface {
  readonly volume: string;
  readonly fromNode: string;
  readonly channel: Channel;
}

/** The line of every channel but the mirror's own (`encodePreface`). */
export function encodeChannelPreface(
  volume: string,
  fromNode: string,
  channel: Exclude<Channel, { kind: 'mirror' }>,
): Buffer {
  const words = channel.kind === 'front' ? ['front', channel.portal] : [channel.kind];
  return Buffer.from(`ETERNE-MIRROR/${PREFACE_VERSION} ${[volume, fromNode, ...words].join(' ')}\n`);
}

function channelOf(words: readonly (string | undefined)[]): Channel {
  const [portal, state, kind, id] = words;
  if (portal !== undefined) return { kind: 'front', portal };
  if (state !== undefined) return { kind: 'state' };
  return id === undefined
    ? { kind: 'mirror' }
    : { kind: 'mirror', path: { kind: kind as PathNote['kind'], id } };
}

export type PrefaceEvent =
  | { readonly kind: 'more' }
  | { readonly kind: 'failed' }
  /** `surplus`: bytes after the line; they belong to the mirror protocol. Copied. */
  | { readonly kind: 'preface'; readonly preface: Preface; readonly surplus: Buffer };

/** Stays failed once failed; not to be pushed again after the preface. */
export class PrefaceDecoder {
  #line: Buffer = Buffer.alloc(0);
  #failed = false;

  push(chunk: Buffer): PrefaceEvent {
    if (this.#failed) return { kind: 'failed' };
    const newline = chunk.indexOf(NEWLINE);
    const lineBytes = this.#line.length + (newline === -1 ? chunk.length : newline);
    if (lineBytes >= MAX_PREFACE_BYTES) return this.#fail();
    this.#line = Buffer.concat([this.#line, newline === -1 ? chunk : chunk.subarray(0, newline)]);
    if (newline === -1) return { kind: 'more' };
    const match = LINE.exec(this.#line.toString('latin1'));
    const [, volume, fromNode, ...words] = match ?? [];
    if (volume === undefined || fromNode === undefined) return this.#fail();
    return {
      kind: 'preface',
      preface: { volume, fromNode, channel: channelOf(words) },
      surplus: Buffer.from(chunk.subarray(newline + 1)),
    };
  }

  #fail(): PrefaceEvent {
    this.#failed = true;
    this.#line = Buffer.alloc(0);
    return { kind: 'failed' };
  }
}
