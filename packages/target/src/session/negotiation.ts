/**
 * Negotiation of operational parameters (RFC 7143 §6.2 and §13). Pure: an offer in, our answer and the agreed value out.
 */
import { DEFAULT_DATA_SEGMENT_BYTES, MAX_DATA_SEGMENT_BYTES } from '@eterne/iscsi';
import { FIRST_BURST_BYTES, MAX_BURST_BYTES } from '../limits.ts';

export interface SessionParameters {
  headerDigest: boolean;
  dataDigest: boolean;
  /** What the initiator takes in one PDU. */
  initiatorDataSegmentBytes: number;
  maxBurstBytes: number;
  firstBurstBytes: number;
  initialR2t: boolean;
  immediateData: boolean;
}

/** §13: what holds while a key is not negotiated. */
export const DEFAULT_PARAMETERS: Readonly<SessionParameters> = {
  headerDigest: false,
  dataDigest: false,
  initiatorDataSegmentBytes: DEFAULT_DATA_SEGMENT_BYTES,
  maxBurstBytes: 256 * 1024,
  firstBurstBytes: 64 * 1024,
  initialR2t: true,
  immediateData: true,
};

type Rule = (offer: string, agreed: SessionParameters) => string | undefined;

const REJECT = 'Reject';
const MIN_SEGMENT_BYTES = 512;
const MAX_24_BIT = 0xff_ffff;

function numberIn(offer: string, least: number, most: number): number | undefined {
  const value = /^(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(offer) ? Number(offer) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

/** List negotiation: the first of the initiator's choices that we have. */
const digest =
  (take: (agreed: SessionParameters, crc: boolean) => void): Rule =>
  (offer, agreed) => {
    const choice = offer.split(',').find((name) => name === 'None' || name === 'CRC32C');
    if (choice === undefined) return REJECT;
    take(agreed, choice === 'CRC32C');
    return choice;
  };

const boolean =
  (combine: (offer: boolean) => boolean, take?: (agreed: SessionParameters, value: boolean) => void): Rule =>
  (offer, agreed) => {
    if (offer !== 'Yes' && offer !== 'No') return REJECT;
    const value = combine(offer === 'Yes');
    take?.(agreed, value);
    return value ? 'Yes' : 'No';
  };

const number =
  (
    least: number,
    most: number,
    ours: (offer: number) => number,
    take?: (agreed: SessionParameters, value: number) => void,
  ): Rule =>
  (offer, agreed) => {
    const value = numberIn(offer, least, most);
    if (value === undefined) return REJECT;
    const result = ours(value);
    take?.(agreed, result);
    return String(result);
  };

const atMost =
  (ours: number) =>
  (offer: number): number =>
    Math.min(offer, ours);

/** Each with its section. */
const RULES: Readonly<Record<string, Rule>> = {
  // §13.1, both.
  HeaderDigest: digest((agreed, crc) => (agreed.headerDigest = crc)),
  DataDigest: digest((agreed, crc) => (agreed.dataDigest = crc)),
  // §13.2.
  MaxConnections: number(1, 65535, atMost(1)),
  // §13.10.
  InitialR2T: boolean(
    (offer) => offer,
    (agreed, value) => (agreed.initialR2t = value),
  ),
  // §13.11.
  ImmediateData: boolean(
    (offer) => offer,
    (agreed, value) => (agreed.immediateData = value),
  ),
  // §13.12. Declarative: the initiator's own limit; ours is declared separately.
  MaxRecvDataSegmentLength: (offer, agreed) => {
    const value = numberIn(offer, MIN_SEGMENT_BYTES, MAX_24_BIT);
    if (value === undefined) return REJECT;
    agreed.initiatorDataSegmentBytes = value;
    return undefined;
  },
  // §13.13.
  MaxBurstLength: number(
    MIN_SEGMENT_BYTES,
    MAX_24_BIT,
    atMost(MAX_BURST_BYTES),
    (agreed, value) => (agreed.maxBurstBytes = value),
  ),
  // §13.14.
  FirstBurstLength: number(
    MIN_SEGMENT_BYTES,
    MAX_24_BIT,
    atMost(FIRST_BURST_BYTES),
    (agreed, value) => (agreed.firstBurstBytes = value),
  ),
  // §13.15 to §13.20, in this order.
  DefaultTime2Wait: number(0, 3600, (offer) => offer),
  DefaultTime2Retain: number(0, 3600, atMost(0)),
  MaxOutstandingR2T: number(1, 65535, atMost(1)),
  DataPDUInOrder: boolean(() => true),
  DataSequenceInOrder: boolean(() => true),
  ErrorRecoveryLevel: number(0, 2, atMost(0)),
  // Obsolete (§13.25), but still offered.
  IFMarker: boolean(() => false),
  OFMarker: boolean(() => false),
  IFMarkInt: () => 'Irrelevant',
  OFMarkInt: () => 'Irrelevant',
  // §13.23.
  TaskReporting: (offer) => (offer.split(',').includes('RFC3720') ? 'RFC3720' : REJECT),
  // §13.24.
  iSCSIProtocolLevel: number(0, 31, atMost(1)),
};

/** Keys that are somebody else's business and get no answer here (§13.4 to §13.8, §13.21). */
const DECLARED = new Set([
  'InitiatorName',
  'InitiatorAlias',
  'TargetName',
  'SessionType',
  'TargetAddress',
  'TargetAlias',
]);

export const isLoginKey = (key: string): boolean => Object.hasOwn(RULES, key) || DECLARED.has(key);

/** Our answers to the operational keys of one PDU; `agreed` takes what they settle. */
export function negotiate(
  keys: Iterable<readonly [string, string]>,
  agreed: SessionParameters,
): [string, string][] {
  const answers: [string, string][] = [];
  for (const [key, offer] of keys) {
    const rule = Object.hasOwn(RULES, key) ? RULES[key] : undefined;
    if (rule === undefined) {
      if (!DECLARED.has(key)) answers.push([key, 'NotUnderstood']);
      continue;
    }
    const answer = rule(offer, agreed);
    if (answer !== undefined) answers.push([key, answer]);
  }
  return answers;
}

export const OUR_DECLARATION: readonly [string, string] = [
  'MaxRecvDataSegmentLength',
  String(MAX_DATA_SEGMENT_BYTES),
];
