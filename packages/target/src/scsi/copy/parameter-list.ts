/**
 * Parameter list of EXTENDED COPY (LID1): SPC-4 §6.5, its descriptors §6.4.5 and §6.4.6. Pure.
 * ```
 *   header   u8 list id, u8 flags, u16 bytes of target descriptors, 4 reserved, u32 bytes of segment descriptors, u32 bytes of inline data
 *   target   e4h (identification), 3 bytes, code set, type, reserved, length, designator (20), 4 bytes
 *   segment  02h (block to block), flags, u16 length, u16 source, u16 destination, 2 reserved, u16 blocks, u64 source LBA, u64 destination LBA
 *            0ah (the same in bytes), flags, u16 length, u16 source, u16 destination, u32 bytes, u64 source LBA, u64 destination LBA, u16 bytes beyond the
 *            source LBA, u16 beyond the destination LBA
 * ```
 */
import { SENSE, type Sense } from '@eterne/iscsi';
import { readLba } from '../range.ts';
import { MAX_DESCRIPTOR_LIST_BYTES, MAX_SEGMENT_DESCRIPTORS, MAX_TARGET_DESCRIPTORS } from './limits.ts';

const IDENTIFICATION_DESCRIPTOR = 0xe4;
const BLOCK_TO_BLOCK = 0x02;
const BLOCK_TO_BLOCK_IN_BYTES = 0x0a;
/** Of all descriptors that are known, ascending. */
export const DESCRIPTOR_TYPES = [BLOCK_TO_BLOCK, BLOCK_TO_BLOCK_IN_BYTES, IDENTIFICATION_DESCRIPTOR] as const;
const HEADER_BYTES = 16;
const TARGET_BYTES = 32;
const SEGMENT_BYTES: ReadonlyMap<number, number> = new Map([
  [BLOCK_TO_BLOCK, 28],
  [BLOCK_TO_BLOCK_IN_BYTES, 32],
]);

export interface CopySegment {
  /** Indexes into `targets`. */
  readonly source: number;
  readonly destination: number;
  readonly length: { readonly blocks: number } | { readonly bytes: number };
  readonly sourceLba: number;
  readonly destinationLba: number;
  /** Beyond the LBA. */
  readonly sourceBytes: number;
  readonly destinationBytes: number;
}

export interface CopyList {
  readonly listId: number;
  /** Designators (type and bytes) of the logical units. */
  readonly targets: readonly { readonly type: number; readonly designator: Buffer }[];
  readonly segments: readonly CopySegment[];
}

export function readCopyList(list: Buffer): CopyList | Sense {
  if (list.length < HEADER_BYTES) return SENSE.parameterListLength;
  const targetBytes = list.readUInt16BE(2);
  const segmentBytes = list.readUInt32BE(8);
  const describedBytes = targetBytes + segmentBytes;
  if (HEADER_BYTES + describedBytes > list.length || describedBytes > MAX_DESCRIPTOR_LIST_BYTES)
    return SENSE.parameterListLength;
  if (targetBytes % TARGET_BYTES !== 0) return SENSE.parameterListLength;
  const segmentsAt = HEADER_BYTES + targetBytes;
  const targets = slices(list.subarray(HEADER_BYTES, segmentsAt), TARGET_BYTES);
  const segments = cutSegments(list.subarray(segmentsAt, segmentsAt + segmentBytes));
  if (targets.length > MAX_TARGET_DESCRIPTORS) return SENSE.tooManyTargetDescriptors;
  if (targets.some((target) => target[0] !== IDENTIFICATION_DESCRIPTOR))
    return SENSE.unsupportedTargetDescriptor;
  if (!Array.isArray(segments)) return segments;
  if (segments.length > MAX_SEGMENT_DESCRIPTORS) return SENSE.tooManySegmentDescriptors;
  return { listId: list.readUInt8(0), targets: targets.map(readTarget), segments: segments.map(readSegment) };
}

function slices(bytes: Buffer, sliceBytes: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / sliceBytes) }, (_, index) =>
    bytes.subarray(index * sliceBytes, (index + 1) * sliceBytes),
  );
}

/** Their lengths follow from their types: after one of an unknown type nothing can be told. */
function cutSegments(bytes: Buffer): Buffer[] | Sense {
  const segments: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const lengthBytes = SEGMENT_BYTES.get(bytes.readUInt8(at));
    if (lengthBytes === undefined) return SENSE.unsupportedSegmentDescriptor;
    if (at + lengthBytes > bytes.length) return SENSE.parameterListLength;
    segments.push(bytes.subarray(at, at + lengthBytes));
    at += lengthBytes;
  }
  return segments;
}

const readTarget = (bytes: Buffer): CopyList['targets'][number] => ({
  type: bytes.readUInt8(5) & 0x0f,
  designator: bytes.subarray(8, 8 + Math.min(bytes.readUInt8(7), TARGET_BYTES - 12)),
});

function readSegment(bytes: Buffer): CopySegment {
  const inBytes = bytes.readUInt8(0) === BLOCK_TO_BLOCK_IN_BYTES;
  return {
    source: bytes.readUInt16BE(4),
    destination: bytes.readUInt16BE(6),
    length: inBytes ? { bytes: bytes.readUInt32BE(8) } : { blocks: bytes.readUInt16BE(10) },
    sourceLba: readLba(bytes, 12),
    destinationLba: readLba(bytes, 20),
    sourceBytes: inBytes ? bytes.readUInt16BE(28) : 0,
    destinationBytes: inBytes ? bytes.readUInt16BE(30) : 0,
  };
}
