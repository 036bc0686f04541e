/** RESIZE and RESIZED of one session, and how large the peer's volume is. */
import type { EterneError } from '@eterne/base';
import type { MetadataDone } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import {
  decodeResize,
  decodeResized,
  encodeResize,
  encodeResized,
  type ResizeStep,
} from '../../protocol/messages/resize.ts';
import { FrameType } from '../../protocol/wire.ts';
import type { Growth } from './growth.ts';

/** The first version of the protocol that has these frames. */
const VERSION = 2;

export interface ResizeTalkParts {
  readonly sender: FrameSender;
  readonly growth: Growth;
  /** What both sides speak. */
  readonly version: number;
  readonly peerNode: string;
  /** As the peer said in its HELLO. */
  readonly peerSizeBytes: number;
  /** Later frames wait until `work` is done; a failure closes the session. */
  duty(work: (done: MetadataDone) => void, then: () => void): void;
  /** This replica has grown. */
  grown(): void;
  /** The peer says, unasked, how large its volume is. */
  told(): void;
}

interface Waiting extends ResizeStep {
  readonly done: (problem: string | undefined) => void;
}

export class ResizeTalk {
  readonly #parts: ResizeTalkParts;
  #waiting: Waiting | undefined;
  #closed = false;
  peerSizeBytes: number;

  constructor(parts: ResizeTalkParts) {
    this.#parts = parts;
    this.peerSizeBytes = parts.peerSizeBytes;
  }

  /** One step at a time. `done` with why the peer could not, or undefined. */
  ask(step: ResizeStep, done: (problem: string | undefined) => void): void {
    const { peerNode, sender, version } = this.#parts;
    if (version < VERSION) return done(`${peerNode} runs a version of Eterne that cannot grow a volume`);
    if (this.#closed) return done(`${peerNode} is not connected`);
    this.#waiting = { ...step, done };
    sender.send(FrameType.resize, encodeResize(step));
  }

  /** RESIZE, of the primary. Room is made beside the writes that go on; the commit is a duty. */
  asked(body: Buffer): void {
    const step = decodeResize(body);
    const { growth } = this.#parts;
    if (step.step === 'prepare')
      return growth.prepare(step.sizeBytes, (problem) => this.#answer(step, problem));
    this.#parts.duty(
      (done) => growth.commit(step.sizeBytes, false, done),
      () => {
        this.#answer(step, undefined);
        this.#parts.grown();
      },
    );
  }

  /** RESIZED. */
  answered(body: Buffer): void {
    const { problem, ...step } = decodeResized(body);
    const isGrown = step.step === 'commit' && problem === '';
    if (isGrown) this.peerSizeBytes = step.sizeBytes;
    const waiting = this.#waiting;
    if (waiting?.step !== step.step || waiting.sizeBytes !== step.sizeBytes)
      return isGrown ? this.#parts.told() : undefined;
    this.#waiting = undefined;
    waiting.done(problem === '' ? undefined : problem);
  }

  /** Unasked: so large is this side's volume. */
  tell(sizeBytes: number): void {
    if (this.#parts.version >= VERSION && !this.#closed)
      this.#answer({ step: 'commit', sizeBytes }, undefined);
  }

  close(): void {
    this.#closed = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.done(`${this.#parts.peerNode} was lost meanwhile`);
  }

  #answer(step: ResizeStep, problem: EterneError | undefined): void {
    if (this.#closed) return;
    const body = encodeResized({ ...step, problem: problem?.message ?? '' });
    this.#parts.sender.send(FrameType.resized, body);
  }
}
