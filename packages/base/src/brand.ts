/** Distinct number types, so that a block number is never taken for a byte offset. Erased at run time. */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Offset in bytes from the start of a device. */
export type ByteOffset = Brand<number, 'ByteOffset'>;
/** Number of a 4 KiB block from the start of a volume. */
export type BlockNumber = Brand<number, 'BlockNumber'>;
/** Number of a 4 MiB activity-log extent from the start of a volume. */
export type ExtentNumber = Brand<number, 'ExtentNumber'>;
