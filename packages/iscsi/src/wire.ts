/**
 * The numbers of the iSCSI wire format (RFC 7143 §11), and nothing that acts on them. Layouts stand in `pdu/`, one file for each PDU.
 * All integers are big-endian. Reserved fields are zero when sent and ignored when received (§11: "MUST be ignored").
 * ```
 *   PDU   BHS (48), AHS (n × 4), [header digest (4)], data, padding to 4, [data digest (4)]
 *   BHS   0: 0 | I | opcode (6)   1: F, opcode-specific   4: TotalAHSLength (words)   5: DataSegmentLength (24 bit)
 *         8: LUN or opcode-specific (8)   16: initiator task tag   20: opcode-specific
 * ```
 */

/** §11.2.1.2, initiator to target. */
export const REQUEST = {
  nopOut: 0x00,
  scsiCommand: 0x01,
  taskManagement: 0x02,
  login: 0x03,
  text: 0x04,
  dataOut: 0x05,
  logout: 0x06,
  snack: 0x10,
} as const;

/** §11.2.1.2, target to initiator. */
export const RESPONSE = {
  nopIn: 0x20,
  scsi: 0x21,
  taskManagement: 0x22,
  login: 0x23,
  text: 0x24,
  dataIn: 0x25,
  logout: 0x26,
  r2t: 0x31,
  asyncMessage: 0x32,
  reject: 0x3f,
} as const;

export const OPCODE_MASK = 0x3f;
export const IMMEDIATE_BIT = 0x40;
export const FINAL_BIT = 0x80;

/** The tag that means "no task" (§11.2.1.8) and "no transfer" (§11.7.4). */
export const NO_TAG = 0xffff_ffff;

/** §11.5.1 task management functions. */
export const TASK_FUNCTION = {
  abortTask: 1,
  abortTaskSet: 2,
  clearAca: 3,
  clearTaskSet: 4,
  logicalUnitReset: 5,
  targetWarmReset: 6,
  targetColdReset: 7,
  taskReassign: 8,
} as const;

/** §11.6.1 task management responses. */
export const TASK_RESPONSE = {
  complete: 0,
  noSuchTask: 1,
  noSuchLun: 2,
  reassignNotSupported: 4,
  functionNotSupported: 5,
  rejected: 255,
} as const;

/** §11.13.5 login status: class in the high byte, detail in the low one. */
export const LOGIN_STATUS = {
  success: 0x0000,
  initiatorError: 0x0200,
  authenticationFailure: 0x0201,
  authorizationFailure: 0x0202,
  notFound: 0x0203,
  unsupportedVersion: 0x0205,
  tooManyConnections: 0x0206,
  missingParameter: 0x0207,
  cannotInclude: 0x0208,
  sessionTypeNotSupported: 0x0209,
  sessionDoesNotExist: 0x020a,
  invalidRequest: 0x020b,
  targetError: 0x0300,
  serviceUnavailable: 0x0301,
  outOfResources: 0x0302,
} as const;

/** §11.12.3 stages of a login. */
export const STAGE = { security: 0, operational: 1, fullFeature: 3 } as const;

/** §11.17.1 reasons of a reject. */
export const REJECT = {
  dataDigestError: 0x02,
  snackReject: 0x03,
  protocolError: 0x04,
  commandNotSupported: 0x05,
  tooManyImmediate: 0x06,
  taskInProgress: 0x07,
  invalidPduField: 0x09,
} as const;

/** §11.9.1 events of an asynchronous message. */
export const ASYNC_EVENT = {
  scsi: 0,
  logoutRequest: 1,
  dropConnection: 2,
  dropAll: 3,
  renegotiate: 4,
} as const;

/** §11.14.1 and §11.15.1. */
export const LOGOUT_REASON = { closeSession: 0, closeConnection: 1, removeForRecovery: 2 } as const;
export const LOGOUT_RESPONSE = {
  closed: 0,
  cidNotFound: 1,
  recoveryNotSupported: 2,
  cleanupFailed: 3,
} as const;

/** §11.4.3 iSCSI service responses of a SCSI command. */
export const SCSI_RESPONSE = { completed: 0, targetFailure: 1 } as const;
