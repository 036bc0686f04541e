/** What one EXTENDED COPY may ask for; told to initiators by RECEIVE COPY RESULTS (OPERATING PARAMETERS). */
import { MIB } from '@eterne/base';

export const MAX_TARGET_DESCRIPTORS = 8;
export const MAX_SEGMENT_DESCRIPTORS = 8;
export const MAX_DESCRIPTOR_LIST_BYTES = 512;
/** What a segment that counts its blocks in 16 bits can have at most. */
export const MAX_SEGMENT_BYTES = 0xffff * 4096;
/** Told to initiators; more are carried out as well. */
export const MAX_COPIES_AT_ONCE = 1;
/** Moved at once, and held in memory meanwhile. */
export const CHUNK_BYTES = 1 * MIB;
/** Finished copies of which a logical unit remembers the outcome. */
export const MAX_REMEMBERED_COPIES = 32;
