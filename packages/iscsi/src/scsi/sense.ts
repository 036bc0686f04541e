/** Sense data (SPC-4 §4.5): what a CHECK CONDITION is about. Pure encoding, in both formats. */

/** Sense keys (SPC-4 §4.5). */
export const SENSE_KEY = {
  noSense: 0x0,
  notReady: 0x2,
  mediumError: 0x3,
  hardwareError: 0x4,
  illegalRequest: 0x5,
  unitAttention: 0x6,
  dataProtect: 0x7,
  copyAborted: 0xa,
  abortedCommand: 0xb,
  miscompare: 0xe,
} as const;

export interface Sense {
  readonly key: number;
  /** Additional sense code and qualifier in one number, `0xAAQQ`. */
  readonly code: number;
  /** INFORMATION field: for a miscompare the offset of the first byte that differs. */
  readonly information?: number;
  /** SKSV field pointer: the byte of the CDB or parameter list that is wrong (SPC-4 §4.5.2.4.2). */
  readonly field?: { readonly inCdb: boolean; readonly byte: number };
  /** SKSV progress indication, of 65,536 (SPC-4 §4.5.2.4.4); a sense has this or a field. */
  readonly progress?: number;
}

const of = (key: number, code: number): Sense => ({ key, code });

/** The conditions this target reports, by the names that the annex of SPC-4 gives them. */
export const SENSE = {
  none: of(SENSE_KEY.noSense, 0x0000),
  mediumNotPresent: of(SENSE_KEY.notReady, 0x3a00),
  mediumNotPresentTrayOpen: of(SENSE_KEY.notReady, 0x3a02),
  sanitizeInProgress: of(SENSE_KEY.notReady, 0x041b),
  becomingReady: of(SENSE_KEY.notReady, 0x0401),
  unrecoveredReadError: of(SENSE_KEY.mediumError, 0x1100),
  writeError: of(SENSE_KEY.mediumError, 0x0c00),
  sanitizeFailed: of(SENSE_KEY.mediumError, 0x3103),
  internalTargetFailure: of(SENSE_KEY.hardwareError, 0x4400),
  parameterListLength: of(SENSE_KEY.illegalRequest, 0x1a00),
  invalidOperationCode: of(SENSE_KEY.illegalRequest, 0x2000),
  outOfRange: of(SENSE_KEY.illegalRequest, 0x2100),
  invalidFieldInCdb: of(SENSE_KEY.illegalRequest, 0x2400),
  logicalUnitNotSupported: of(SENSE_KEY.illegalRequest, 0x2500),
  invalidFieldInInformationUnit: of(SENSE_KEY.illegalRequest, 0x0e03),
  invalidFieldInParameterList: of(SENSE_KEY.illegalRequest, 0x2600),
  invalidReleaseOfReservation: of(SENSE_KEY.illegalRequest, 0x2604),
  tooManyTargetDescriptors: of(SENSE_KEY.illegalRequest, 0x2606),
  unsupportedTargetDescriptor: of(SENSE_KEY.illegalRequest, 0x2607),
  tooManySegmentDescriptors: of(SENSE_KEY.illegalRequest, 0x2608),
  unsupportedSegmentDescriptor: of(SENSE_KEY.illegalRequest, 0x2609),
  savingNotSupported: of(SENSE_KEY.illegalRequest, 0x3900),
  mediumRemovalPrevented: of(SENSE_KEY.illegalRequest, 0x5302),
  insufficientRegistrationResources: of(SENSE_KEY.illegalRequest, 0x5504),
  copySegmentGranularityViolation: of(SENSE_KEY.copyAborted, 0x260d),
  copyTargetNotReachable: of(SENSE_KEY.copyAborted, 0x0d02),
  writeProtected: of(SENSE_KEY.dataProtect, 0x2700),
  spaceAllocationFailed: of(SENSE_KEY.dataProtect, 0x2707),
  powerOn: of(SENSE_KEY.unitAttention, 0x2900),
  mediumMayHaveChanged: of(SENSE_KEY.unitAttention, 0x2800),
  scsiBusReset: of(SENSE_KEY.unitAttention, 0x2902),
  busDeviceReset: of(SENSE_KEY.unitAttention, 0x2903),
  nexusLoss: of(SENSE_KEY.unitAttention, 0x2907),
  modeParametersChanged: of(SENSE_KEY.unitAttention, 0x2a01),
  reservationsPreempted: of(SENSE_KEY.unitAttention, 0x2a03),
  reservationsReleased: of(SENSE_KEY.unitAttention, 0x2a04),
  registrationsPreempted: of(SENSE_KEY.unitAttention, 0x2a05),
  capacityChanged: of(SENSE_KEY.unitAttention, 0x2a09),
  commandsCleared: of(SENSE_KEY.unitAttention, 0x2f00),
  notEnoughUnsolicitedData: of(SENSE_KEY.abortedCommand, 0x0c0d),
  protocolServiceCrcError: of(SENSE_KEY.abortedCommand, 0x4705),
  miscompareDuringVerify: of(SENSE_KEY.miscompare, 0x1d00),
} as const satisfies Record<string, Sense>;

const FIXED_BYTES = 18;
const FIXED_CURRENT = 0x70;
const DESCRIPTOR_CURRENT = 0x72;
const VALID_BIT = 0x80;
const SKSV_BIT = 0x80;
const IN_CDB_BIT = 0x40;

export function encodeSense(sense: Sense, descriptorFormat: boolean): Buffer {
  return descriptorFormat ? encodeDescriptor(sense) : encodeFixed(sense);
}

/** SPC-4 §4.5.3. */
function encodeFixed(sense: Sense): Buffer {
  const bytes = Buffer.alloc(FIXED_BYTES);
  bytes.writeUInt8(FIXED_CURRENT | (sense.information === undefined ? 0 : VALID_BIT), 0);
  bytes.writeUInt8(sense.key, 2);
  bytes.writeUInt32BE((sense.information ?? 0) >>> 0, 3);
  bytes.writeUInt8(FIXED_BYTES - 8, 7);
  bytes.writeUInt16BE(sense.code, 12);
  if (hasSpecific(sense)) writeSpecific(bytes, 15, sense);
  return bytes;
}

/** SPC-4 §4.5.2: header, then information (type 0) and sense-key-specific (type 2) descriptors. */
function encodeDescriptor(sense: Sense): Buffer {
  const informationBytes = sense.information === undefined ? 0 : 12;
  const specificBytes = hasSpecific(sense) ? 8 : 0;
  const bytes = Buffer.alloc(8 + informationBytes + specificBytes);
  bytes.writeUInt8(DESCRIPTOR_CURRENT, 0);
  bytes.writeUInt8(sense.key, 1);
  bytes.writeUInt16BE(sense.code, 2);
  bytes.writeUInt8(informationBytes + specificBytes, 7);
  if (sense.information !== undefined) {
    bytes.writeUInt16BE(0x000a, 8);
    bytes.writeUInt8(VALID_BIT, 10);
    bytes.writeBigUInt64BE(BigInt(sense.information), 12);
  }
  if (hasSpecific(sense)) {
    bytes.writeUInt16BE(0x0206, 8 + informationBytes);
    writeSpecific(bytes, 8 + informationBytes + 4, sense);
  }
  return bytes;
}

/** Key and code of sense data in either format; of what is no sense data, or too short, "no additional sense". */
export function decodeSense(bytes: Buffer): Sense {
  const format = (bytes[0] ?? 0) & 0x7f;
  const isDescriptor = format === DESCRIPTOR_CURRENT || format === DESCRIPTOR_CURRENT + 1;
  const [keyAt, codeAt] = isDescriptor ? [1, 2] : [2, 12];
  if (bytes.length < codeAt + 2) return of(SENSE_KEY.noSense, 0);
  return of(bytes.readUInt8(keyAt) & 0x0f, bytes.readUInt16BE(codeAt));
}

const hasSpecific = ({ field, progress }: Sense): boolean => field !== undefined || progress !== undefined;

function writeSpecific(into: Buffer, at: number, { field, progress = 0 }: Sense): void {
  into.writeUInt8(SKSV_BIT | (field?.inCdb === true ? IN_CDB_BIT : 0), at);
  into.writeUInt16BE(field?.byte ?? progress, at + 1);
}
