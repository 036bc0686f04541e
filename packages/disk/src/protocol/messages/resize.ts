/**
 * RESIZE: the primary grows the volume, in two steps: `prepare` makes room on every replica, `commit` makes the new size durable. Protocol version 2.
 *
 * ```
 * step u8 (0 prepare, 1 commit) · size u64
 * ```
 *
 * RESIZED: the step is done, durably, or cannot be (`problem` says why). `commit` without a problem also tells third replicas, unasked, how large the
 * sender's volume is now.
 *
 * ```
 * step u8 · size u64 · problem text
 * ```
 */
import { EterneError } from '@eterne/base';
import { BLOCK_BYTES } from '../../metadata/api.ts';
import { MAX_VOLUME_BYTES } from '../../metadata/layout.ts';
import { FieldReader, FieldWriter } from '../fields.ts';

const STEPS = ['prepare', 'commit'] as const;
const MAX_PROBLEM_BYTES = 255;

export interface ResizeStep {
  readonly step: (typeof STEPS)[number];
  readonly sizeBytes: number;
}

export interface ResizeAnswer extends ResizeStep {
  /** Empty: done. */
  readonly problem: string;
}

export function encodeResize({ step, sizeBytes }: ResizeStep): Buffer {
  return new FieldWriter().byte(STEPS.indexOf(step)).uint64(sizeBytes).finish();
}

export function decodeResize(body: Buffer): ResizeStep {
  const from = new FieldReader(body);
  const step = readStep(from);
  from.finish();
  return step;
}

export function encodeResized(answer: ResizeAnswer): Buffer {
  const problem = Buffer.from(answer.problem).subarray(0, MAX_PROBLEM_BYTES).toString('latin1');
  return new FieldWriter().byte(STEPS.indexOf(answer.step)).uint64(answer.sizeBytes).text(problem).finish();
}

export function decodeResized(body: Buffer): ResizeAnswer {
  const from = new FieldReader(body);
  const answer = { ...readStep(from), problem: from.text(MAX_PROBLEM_BYTES) };
  from.finish();
  return answer;
}

function readStep(from: FieldReader): ResizeStep {
  const step = from.choice(STEPS);
  const sizeBytes = from.uint64();
  if (sizeBytes === 0 || sizeBytes > MAX_VOLUME_BYTES || sizeBytes % BLOCK_BYTES !== 0)
    throw new EterneError('protocol', 'a size that no volume has');
  return { step, sizeBytes };
}
