/** Every bound of the iSCSI wire format in one place. A peer that ignores them is answered with an error or cut; it never gets memory. */
import { KIB } from '@eterne/base';

/** Basic header segment (RFC 7143 §11.2.1). */
export const BHS_BYTES = 48;
export const DIGEST_BYTES = 4;

/** MaxRecvDataSegmentLength until it is declared (RFC 7143 §13.12). */
export const DEFAULT_DATA_SEGMENT_BYTES = 8 * KIB;
/** What we declare as our own MaxRecvDataSegmentLength. */
export const MAX_DATA_SEGMENT_BYTES = 256 * KIB;

/** TotalAHSLength is one byte of four-byte words. */
export const MAX_AHS_BYTES = 255 * 4;

/** Text of one negotiation, over all its PDUs. */
export const MAX_TEXT_BYTES = 64 * KIB;
/** Keys of one negotiation; an honest one has fewer than forty. */
export const MAX_KEYS = 128;
/** RFC 7143 §6.1: key names are at most 63 bytes, values 255 unless a key says otherwise; CHAP binary values and lists may be longer. */
export const MAX_KEY_NAME_BYTES = 63;
export const MAX_VALUE_BYTES = 8 * KIB;
