/** Every bound of the NBD server in one place. A client that ignores them gets an error or is cut; it never gets memory. */
import { KIB, MIB } from '@eterne/base';

/**
 * Longest READ or WRITE. The protocol's portable maximum is 32 MiB; the widespread servers take twice that, and
 * clients have come to rely on it (the reference tester sends 50 MB without asking).
 */
export const MAX_TRANSFER_BYTES = 64 * MIB;

/** Largest range given to the device at once by TRIM and WRITE_ZEROES, whose length has no other bound than 32 bits. */
export const MAX_RANGE_BYTES = 32 * MIB;

/** Commands taken from one connection and not yet answered; then its socket is read no further. */
export const MAX_COMMANDS_IN_FLIGHT = 128;

/** Payload and reply bytes that the commands in flight of one connection may claim together. */
export const MAX_BYTES_IN_FLIGHT = 64 * MIB;

/** Longest data of a negotiation option: a 4 KiB export name and some metadata queries. */
export const MAX_OPTION_BYTES = 16 * KIB;

/** Options in one negotiation; an honest client sends fewer than ten. */
export const MAX_OPTIONS = 128;

/** Longest string of the protocol ("Values": strings are at most 4096 bytes). */
export const MAX_STRING_BYTES = 4096;

/** Extents looked up for one BLOCK_STATUS. */
export const MAX_STATUS_LOOKUPS = 256;

/** Connections of one export. */
export const MAX_CONNECTIONS = 256;

/** Time from connecting to the transmission phase. */
export const HANDSHAKE_TIMEOUT_MS = 30_000;

/** Time a client gets to close its side after we have closed ours. */
export const LINGER_TIMEOUT_MS = 5_000;

/** "Block size constraints" as advertised: any length works, 4 KiB is best. */
export const MINIMUM_BLOCK_BYTES = 1;
export const PREFERRED_BLOCK_BYTES = 4096;
