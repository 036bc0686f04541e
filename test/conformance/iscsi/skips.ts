/** Tests of `iscsi-test-cu` that our LUNs skip, each with its reason. A skip that is not listed here fails the run. */

const NOT_ENCRYPTED = 'needs CRYPTOGRAPHIC ERASE, hence data that is encrypted; the rest of the test runs';
const SMALL_PHYSICAL_BLOCK =
  'needs more than one logical block in a physical block; the LUNs with a physicalBlockSize run it. With 2 to 128 blocks GetLBAStatus.UnmapSingle asks for LBA i + 1 and expects an answer that begins elsewhere';
const NO_OVERWRITE = 'needs SANITIZE OVERWRITE; the LUNs with sanitize: overwrite run it';
const NOT_REMOVABLE = 'needs a removable LUN; the removable LUNs run it';
const NOT_THIN = 'needs a thin LUN; the thin LUNs run it';
const NOT_READ_ONLY = 'needs a write-protected LUN; the read-only LUN runs it';
const NO_ZERO_BLOCKS =
  'needs WSNZ=0; with that WriteSame10.UnmapUntilEnd writes FFh with UNMAP and expects zeroes, against SBC-3 §5.43';

export const SKIPS: Readonly<Record<string, string>> = {
  'Sanitize.CryptoErase': NOT_ENCRYPTED,
  'Sanitize.Readonly': NOT_ENCRYPTED,
  'Sanitize.Reservations': NOT_ENCRYPTED,
  'WriteSame10.ZeroBlocks': NO_ZERO_BLOCKS,
  'WriteSame16.ZeroBlocks': NO_ZERO_BLOCKS,
  'ReadOnly.ReadOnlySBC': NOT_READ_ONLY,
};

/** Beyond `SKIPS`, of a LUN without further options. */
export const SKIPS_OF_PLAIN: Readonly<Record<string, string>> = {
  'Sanitize.Overwrite': NO_OVERWRITE,
  'Sanitize.Reset': NO_OVERWRITE,
  'CompareAndWrite.InvalidDataOutSize': SMALL_PHYSICAL_BLOCK,
  'WriteSame10.UnmapUnaligned': SMALL_PHYSICAL_BLOCK,
  'WriteSame10.InvalidDataOutSize': SMALL_PHYSICAL_BLOCK,
  'WriteSame16.UnmapUnaligned': SMALL_PHYSICAL_BLOCK,
  'WriteSame16.InvalidDataOutSize': SMALL_PHYSICAL_BLOCK,
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
  CompareAndWrite: NOT_THIN,
  NoMedia: NOT_THIN,
};

/** Tests of libiscsi's newer suite that fail whatever a target does, or contradict RFC 7143. */
export const NEWER_FAULTS: Readonly<Record<string, string>> = {
  'iSCSISendTargets.Simple': 'expects SendTargets=All in a normal session, which RFC 7143 appendix C forbids',
  'iSCSISendTargets.Invalid':
    'ends with SendTargets=All in a normal session, which RFC 7143 appendix C forbids',
  'CompareAndWrite.InvalidDataOutSize':
    'never changes the command that it means to change (it compares the opcode with !=), and so finds a MISCOMPARE',
  'iSCSITMF.AbortTaskSimpleAsync':
    'expects its own command to wait in its queue, but libiscsi sends it at once',
  'iSCSITMF.LUNResetSimpleAsync':
    'expects its own command to wait in its queue, but libiscsi sends it at once',
};

/** Beyond `SKIPS`. */
export const NEWER_SKIPS: Readonly<Record<string, string>> = {
  'ExtendedCopy.Large': 'needs a LUN of 512 MiB; the large one runs it',
};

const OTHER_USER = 'needs a user name that looks like a number of the other kind; that session runs it';

/** Of a session with CHAP. */
export const NEWER_SKIPS_OF_CHAP: Readonly<Record<string, string>> = {
  'iSCSICHAP.HexName': OTHER_USER,
  'iSCSICHAP.Base64Name': OTHER_USER,
};

/** Of one without. */
export const NEWER_SKIPS_OF_FAMILY: Readonly<Record<string, string>> = {
  iSCSICHAP: 'needs a session with CHAP; the one with it runs it',
};
