/**
 * Moves the metadata of a replica to another place of its device, while it is in use. In order:
 *
 * 1. The new place is zeroed, durably: what was there before is no metadata.
 * 2. Everything but the head (superblocks, marker) is copied while the user goes on. What the user changes meanwhile is copied again.
 * 3. The user is held, for a few requests. The last changes are copied, durably; then the head (`metadata-head.ts`). Both places say the same, and the old one counts.
 * 4. The sign names the new place, durably: it counts.
 * 5. The old head is erased, durably, before the user goes on: a copy that is no longer true is not found.
 *
 * Power fails before 4 is durable: the old place counts, and nothing in it has missed a change. Between 4 and 5: both say the same, and the one that is
 * used from here on has the higher sequence.
 *
 * An error before 4 leaves everything as it was. When it is not known whether 4 has happened the metadata has failed, as after any write that failed.
 */
import type { BlockStore, StoreDone } from '@eterne/runtime';
import { makeRoom } from '../../grow-store.ts';
import { isZero } from '../../metadata/zero.ts';
import type { HeldStore } from './held-store.ts';
import { eraseHead, HEAD_BYTES, writeHead } from './metadata-head.ts';
import { putSign } from './internal-sign.ts';
import { inTurn, type Step } from './in-turn.ts';
import type { Region } from './region-store.ts';

const CHUNK_BYTES = 256 * 1024;
/** Copied while the user is held. A user who changes more all the time is held for what is left after the last pass. */
const FEW_CHUNKS = 16;
const PASSES_MAX = 4;

export interface MetadataMove {
  readonly device: BlockStore;
  /** The region at `from`, as its user has it. */
  readonly metadata: HeldStore;
  readonly from: Region;
  /** No byte of the new place is one of the old. */
  readonly to: number;
  /** From here on requests go to the new place. */
  readonly moved: () => void;
}

export function moveMetadata(move: MetadataMove, done: StoreDone): void {
  const { device, from, metadata, to } = move;
  const changed = new Set<number>();
  const copier = new Copier(move);
  metadata.onChange = (offset, lengthBytes) => {
    const last = Math.floor((offset + lengthBytes - 1) / CHUNK_BYTES);
    for (let chunk = Math.floor(offset / CHUNK_BYTES); chunk <= last; chunk += 1) changed.add(chunk);
  };
  const finish: StoreDone = (error) => {
    metadata.onChange = undefined;
    done(error);
  };
  const steps: Step[] = [
    (next) => makeRoom(device, to, to + from.sizeBytes, next),
    (next) => copier.copyAll(next),
    (next) => copyAgain(copier, changed, next),
    (next) => device.flush(next),
  ];
  inTurn(steps, (error) => {
    if (error !== undefined) return finish(error);
    metadata.hold(() => switchOver(move, copier, changed, finish));
  });
}

function copyAgain(copier: Copier, changed: Set<number>, done: StoreDone): void {
  let passes = 0;
  const pass: StoreDone = (error) => {
    passes += 1;
    if (error !== undefined || changed.size <= FEW_CHUNKS || passes > PASSES_MAX) return done(error);
    copier.copy(taken(changed), pass);
  };
  pass(undefined);
}

function taken(chunks: Set<number>): readonly number[] {
  const all = [...chunks];
  chunks.clear();
  return all;
}

/** Steps 3 to 5; the user is held. */
function switchOver(
  { device, from, metadata, moved, to }: MetadataMove,
  copier: Copier,
  changed: Set<number>,
  done: StoreDone,
): void {
  const goOn: StoreDone = (error) => {
    metadata.release();
    done(error);
  };
  const head = Buffer.alloc(HEAD_BYTES);
  const copied: Step[] = [
    (next) => copier.copy(taken(changed), next),
    (next) => device.read(from.start, head, next),
    (next) => writeHead(device, to, head, next),
  ];
  inTurn(copied, (problem) => {
    if (problem !== undefined) return goOn(problem);
    putSign(device, to, true, (error) => {
      if (error === undefined) {
        moved();
        return eraseHead(device, from.start, head, goOn);
      }
      const unknown = { ...error, kind: 'device' as const };
      metadata.release(unknown);
      done(unknown);
    });
  });
}

class Copier {
  readonly #move: MetadataMove;
  /** One chunk at a time. */
  readonly #buffer: Buffer;

  constructor(move: MetadataMove) {
    this.#move = move;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, move.from.sizeBytes));
  }

  /** Into a place that is zero. */
  copyAll(done: StoreDone): void {
    const count = Math.ceil(this.#move.from.sizeBytes / CHUNK_BYTES);
    const steps = Array.from({ length: count }, (_, chunk): Step => (next) => {
      const [start, end] = this.#boundsOf(chunk);
      this.#isHole(start, end, (isHole) => (isHole ? next(undefined) : this.#copy(start, end, true, next)));
    });
    inTurn(steps, done);
  }

  copy(chunks: readonly number[], done: StoreDone): void {
    const steps = chunks.map(
      (chunk): Step =>
        (next) =>
          this.#copy(...this.#boundsOf(chunk), false, next),
    );
    inTurn(steps, done);
  }

  /** In the region; without the head. */
  #boundsOf(chunk: number): readonly [start: number, end: number] {
    const { sizeBytes } = this.#move.from;
    return [Math.max(HEAD_BYTES, chunk * CHUNK_BYTES), Math.min(sizeBytes, (chunk + 1) * CHUNK_BYTES)];
  }

  #copy(start: number, end: number, isIntoZeroes: boolean, done: StoreDone): void {
    const { device, from, to } = this.#move;
    const piece = this.#buffer.subarray(0, end - start);
    device.read(from.start + start, piece, (error) => {
      if (error !== undefined || (isIntoZeroes && isZero(piece))) done(error);
      else device.write(to + start, piece, done);
    });
  }

  #isHole(start: number, end: number, done: (isHole: boolean) => void): void {
    const { device, from } = this.#move;
    if (device.nextExtent === undefined) return done(false);
    device.nextExtent(from.start + start, (error, { allocated, lengthBytes }) =>
      done(error === undefined && !allocated && lengthBytes >= end - start),
    );
  }
}
