/**
 * Two members prove to each other that they hold the cluster key, and agree on a key for this one connection. Pure.
 *
 * ```
 * dialer → acceptor   hello     = "ETERNE-RAFT", version u8, cluster text, from text, to text, nonce (32 bytes)
 * acceptor → dialer   challenge = nonce (32 bytes), HMAC(cluster key, "acceptor" | hello | acceptor's nonce)
 * dialer → acceptor   proof     = HMAC(cluster key, "dialer" | hello | acceptor's nonce)
 * ```
 * Frame keys: HMAC(cluster key, "to-acceptor" or "to-dialer" | hello | acceptor's nonce). Both nonces are fresh, so nothing recorded fits a later connection,
 * and the words keep one side's proof from being sent back to it.
 *
 * Changelog: version 1, first version.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { EterneError } from '@eterne/base';
import { ByteReader, ByteWriter } from '../codec.ts';
import type { MemberId } from '../types.ts';

export const HANDSHAKE_VERSION = 1;
const MAGIC = Buffer.from('ETERNE-RAFT');
const NONCE_BYTES = 32;
const PROOF_BYTES = 32;
export const HANDSHAKE_MAX_BYTES = 1024;

export interface Hello {
  readonly cluster: string;
  readonly from: MemberId;
  readonly to: MemberId;
}

/** What both sides know once both are proven. */
export interface SessionKeys {
  readonly toAcceptor: Buffer;
  readonly toDialer: Buffer;
}

type Purpose = 'acceptor' | 'dialer' | 'to-acceptor' | 'to-dialer';

export class Dialer {
  readonly #key: Buffer;
  readonly hello: Buffer;

  constructor(key: Buffer, hello: Hello, nonce: Buffer) {
    this.#key = key;
    this.hello = new ByteWriter()
      .bytes(MAGIC)
      .u8(HANDSHAKE_VERSION)
      .text(hello.cluster)
      .text(hello.from)
      .text(hello.to)
      .bytes(nonce)
      .finish();
  }

  /** The proof to send and the keys, or `unauthorized`. */
  answer(challenge: Buffer): { readonly proof: Buffer; readonly keys: SessionKeys } | EterneError {
    if (challenge.length !== NONCE_BYTES + PROOF_BYTES) return denied('its challenge is malformed');
    const nonce = challenge.subarray(0, NONCE_BYTES);
    const theirs = challenge.subarray(NONCE_BYTES);
    if (!timingSafeEqual(theirs, derive(this.#key, 'acceptor', this.hello, nonce)))
      return denied('it does not hold the cluster key');
    return {
      proof: derive(this.#key, 'dialer', this.hello, nonce),
      keys: keysOf(this.#key, this.hello, nonce),
    };
  }
}

export class Acceptor {
  readonly #key: Buffer;
  readonly #nonce: Buffer;
  #hello: Buffer | undefined;

  constructor(key: Buffer, nonce: Buffer) {
    this.#key = key;
    this.#nonce = nonce;
  }

  /** Who calls, and the challenge to send; or `protocol`. */
  challenge(hello: Buffer): { readonly hello: Hello; readonly challenge: Buffer } | EterneError {
    const decoded = decodeHello(hello);
    if (decoded instanceof EterneError) return decoded;
    this.#hello = Buffer.from(hello);
    return {
      hello: decoded,
      challenge: Buffer.concat([this.#nonce, derive(this.#key, 'acceptor', hello, this.#nonce)]),
    };
  }

  /** The keys, or `unauthorized`. */
  accept(proof: Buffer): SessionKeys | EterneError {
    const hello = this.#hello;
    if (!hello || proof.length !== PROOF_BYTES) return denied('its proof is malformed');
    if (!timingSafeEqual(proof, derive(this.#key, 'dialer', hello, this.#nonce)))
      return denied('it does not hold the cluster key');
    return keysOf(this.#key, hello, this.#nonce);
  }
}

function decodeHello(bytes: Buffer): Hello | EterneError {
  try {
    const reader = new ByteReader(bytes);
    if (!reader.bytes(MAGIC.length).equals(MAGIC)) return denied('it does not speak this protocol');
    const version = reader.u8();
    if (version !== HANDSHAKE_VERSION)
      return new EterneError(
        'unsupported',
        `a member speaks version ${version} of the log’s transport, this one speaks ${HANDSHAKE_VERSION}`,
      );
    const hello = { cluster: reader.text(), from: reader.text(), to: reader.text() };
    if (reader.bytes(NONCE_BYTES).length !== NONCE_BYTES) return denied('its nonce is too short');
    reader.end();
    return hello;
  } catch (cause) {
    if (!(cause instanceof EterneError)) throw cause;
    return new EterneError('protocol', cause.message, { cause });
  }
}

function derive(key: Buffer, purpose: Purpose, hello: Buffer, nonce: Buffer): Buffer {
  return createHmac('sha256', key).update(`eterne raft 1 ${purpose}\n`).update(hello).update(nonce).digest();
}

function keysOf(key: Buffer, hello: Buffer, nonce: Buffer): SessionKeys {
  return {
    toAcceptor: derive(key, 'to-acceptor', hello, nonce),
    toDialer: derive(key, 'to-dialer', hello, nonce),
  };
}

function denied(why: string): EterneError {
  return new EterneError('unauthorized', `a member of the log was refused: ${why}`);
}
