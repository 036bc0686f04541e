/** Tests of `iscsi-test-cu` that our LUNs skip, each with its reason. A skip that is not listed here fails the run. */

const NO_OVERWRITE =
  'SANITIZE OVERWRITE and CRYPTOGRAPHIC ERASE would promise more than a store on a file system or flash disk can keep';
const SMALL_PHYSICAL_BLOCK =
  'needs more than one logical block in a physical block; with that GetLBAStatus.UnmapSingle asks for one LBA and expects another';
const NOT_REMOVABLE = 'needs a removable LUN; the removable LUN runs it';
const NOT_THIN = 'needs a thin LUN; the thin LUNs run it';
const NOT_READ_ONLY = 'needs a write-protected LUN; the read-only LUN runs it';
const NO_ZERO_BLOCKS =
  'needs WSNZ=0; with that WriteSame10.UnmapUntilEnd writes FFh with UNMAP and expects zeroes, against SBC-3 §5.42';
const OBSOLETE = 'a part of it is about a bit that is obsolete since SPC-4';

export const SKIPS: Readonly<Record<string, string>> = {
  'Sanitize.CryptoErase': NO_OVERWRITE,
  'Sanitize.Overwrite': NO_OVERWRITE,
  'Sanitize.Readonly': NO_OVERWRITE,
  'Sanitize.Reservations': NO_OVERWRITE,
  'Sanitize.Reset': NO_OVERWRITE,
  'CompareAndWrite.InvalidDataOutSize': SMALL_PHYSICAL_BLOCK,
  'WriteSame10.UnmapUnaligned': SMALL_PHYSICAL_BLOCK,
  'WriteSame10.InvalidDataOutSize': SMALL_PHYSICAL_BLOCK,
  'WriteSame16.UnmapUnaligned': SMALL_PHYSICAL_BLOCK,
  'WriteSame16.InvalidDataOutSize': SMALL_PHYSICAL_BLOCK,
  'WriteSame10.ZeroBlocks': NO_ZERO_BLOCKS,
  'WriteSame16.ZeroBlocks': NO_ZERO_BLOCKS,
  'ExtendedCopy.ValidTgtDescr': OBSOLETE,
  'ReadOnly.ReadOnlySBC': NOT_READ_ONLY,
};

/** Beyond `SKIPS`, by the family of the test. */
export const SKIPS_OF_4K: Readonly<Record<string, string>> = {
  'WriteAtomic16.VPD': 'needs an alignment of atomic writes; a block is a whole page already',
};

export const SKIPS_WITHOUT_REMOVABLE: Readonly<Record<string, string>> = {
  PreventAllow: NOT_REMOVABLE,
  NoMedia: NOT_REMOVABLE,
  StartStopUnit: NOT_REMOVABLE,
};

export const SKIPS_WITHOUT_THIN: Readonly<Record<string, string>> = {
  GetLBAStatus: NOT_THIN,
  Unmap: NOT_THIN,
  WriteSame10: NOT_THIN,
  WriteSame16: NOT_THIN,
  Sanitize: NOT_THIN,
  Inquiry: NOT_THIN,
};
