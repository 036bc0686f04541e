import { EterneError } from '@eterne/base';
import { BLOCK_BYTES } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import { HEADER_BYTES } from '../../protocol/wire.ts';
import {
  FETCHED_FRAME_BYTES,
  decodeFetch,
  decodeFetched,
  sendFetch,
  sendFetched,
  type Fetch,
  type Fetched,
} from '../../protocol/messages/fetch.ts';
import type { Range } from '../../protocol/messages/resync.ts';
import type { Replica } from '../replica.ts';
import type { ResyncFigures } from './resync-figures.ts';
import type { UnusedBlocks } from '../usage/unused-blocks.ts';

/** A primary copies one stretch after the other. */
const MAX_FETCHES = 16;
const DATA_PIECE_BYTES = 256 * 1024;
const ZEROES = Buffer.alloc(DATA_PIECE_BYTES);

type FetchDone = (fetched: Fetched | undefined) => void;

/**
 * FETCH and FETCHED of one session. The asker is primary and has the range locked, so that nothing is written to it before the answer has taken its
 * place: what is in no use, or a hole, is so until then.
 */
export class Fetches {
  readonly #replica: Replica;
  readonly #sender: FrameSender;
  readonly #figures: ResyncFigures;
  readonly #asked = new Map<number, { readonly range: Range; readonly done: FetchDone }>();
  #unused: UnusedBlocks | undefined;
  #nextId = 0;
  #serving = 0;
  #closed = false;

  constructor(replica: Replica, sender: FrameSender, figures: ResyncFigures) {
    this.#replica = replica;
    this.#sender = sender;
    this.#figures = figures;
  }

  /** `done` with undefined when the peer cannot read it; never after the session is over. */
  ask(range: Range, done: FetchDone): void {
    if (this.#asked.size >= MAX_FETCHES) return done(undefined);
    const id = this.#nextId++;
    this.#asked.set(id, { range, done });
    sendFetch(this.#sender, { id, offset: range.offset, lengthBytes: range.lengthBytes });
  }

  answered(body: Buffer): void {
    const { fetched, id } = decodeFetched(body);
    const asked = this.#asked.get(id);
    if (asked === undefined) throw new EterneError('protocol', 'an answer to a FETCH that was not sent');
    this.#asked.delete(id);
    this.#figures.copied(fetched.lengthBytes, HEADER_BYTES + body.length);
    const { done, range } = asked;
    if (fetched.kind === 'failed') return done(undefined);
    const { lengthBytes } = fetched;
    const endsWhole = lengthBytes % BLOCK_BYTES === 0 || lengthBytes === range.lengthBytes;
    if (lengthBytes > range.lengthBytes || !endsWhole)
      throw new EterneError('protocol', 'a FETCHED that does not fit what was asked for');
    const isData = fetched.kind === 'data';
    done(isData ? { ...fetched, data: this.#replica.slabs.copyOf(fetched.data) } : fetched);
  }

  /** What no file system uses need not be copied from here. */
  lend(unused: UnusedBlocks | undefined): void {
    this.#unused?.close();
    this.#unused = unused;
  }

  /** Behind the writes that came before it. */
  serve(body: Buffer): void {
    const fetch = decodeFetch(body, this.#replica.sizeBytes);
    if (fetch.offset % BLOCK_BYTES !== 0 || this.#serving >= MAX_FETCHES)
      throw new EterneError('protocol', 'a FETCH inside a block, or too many of them');
    this.#serving += 1;
    const look = (): void => this.#sizeUp(fetch);
    if (this.#replica.locks.whenClear(fetch.offset, fetch.lengthBytes, look)) look();
  }

  close(): void {
    this.#closed = true;
    this.#asked.clear();
    this.#unused?.close();
  }

  #sizeUp(fetch: Fetch): void {
    const { lengthBytes, offset } = fetch;
    const unusedBytes = this.#unused?.unusedBytes(offset) ?? 0;
    if (unusedBytes > 0)
      return this.#answer(fetch, { kind: 'unused', lengthBytes: Math.min(unusedBytes, lengthBytes) });
    this.#replica.disk.extentAt(offset, (extent) => {
      const isHole = extent?.allocated === false;
      const holeBytes = isHole ? wholeBlocks(extent.lengthBytes, lengthBytes) : 0;
      if (holeBytes > 0) this.#answer(fetch, { kind: 'zero', lengthBytes: holeBytes });
      else this.#read(fetch, Math.min(lengthBytes, DATA_PIECE_BYTES));
    });
  }

  #read(fetch: Fetch, lengthBytes: number): void {
    const data = Buffer.allocUnsafeSlow(lengthBytes);
    this.#replica.disk.read(fetch.offset, data, (error) => {
      if (error !== undefined) return this.#answer(fetch, { kind: 'failed', lengthBytes: 0 });
      const isZero = data.equals(ZEROES.subarray(0, lengthBytes));
      this.#answer(fetch, isZero ? { kind: 'zero', lengthBytes } : { kind: 'data', lengthBytes, data });
    });
  }

  #answer({ id }: Fetch, fetched: Fetched): void {
    this.#serving -= 1;
    if (this.#closed) return;
    const dataBytes = fetched.kind === 'data' ? fetched.lengthBytes : 0;
    this.#figures.copied(fetched.lengthBytes, FETCHED_FRAME_BYTES + dataBytes);
    sendFetched(this.#sender, id, fetched);
  }
}

/** As much of a hole as ends with a block, or with the range. */
function wholeBlocks(holeBytes: number, lengthBytes: number): number {
  return holeBytes >= lengthBytes ? lengthBytes : holeBytes - (holeBytes % BLOCK_BYTES);
}
