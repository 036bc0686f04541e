/** What a log file says, after any crash: pure. Tells a torn tail, which is cut off, from damage, which is refused. */
import { crc32c, EterneError } from '@eterne/base';
import type { Entry, HardState, Snapshot } from '../types.ts';
import type { LogIdentity, LogRecord } from './format.ts';
import {
  BATCH_HEADER_BYTES,
  decodeBatchHeader,
  decodeFileHeader,
  decodeRecords,
  FILE_HEADER_BYTES,
  FILE_VERSION,
  paddedBytes,
} from './format.ts';

/** Everything a member must not forget. */
export interface LogImage {
  readonly identity: LogIdentity;
  /** How often the log has been opened for work: numbers the sessions of its commands. */
  readonly starts: number;
  readonly hardState: HardState;
  readonly snapshot: Snapshot;
  /** After the snapshot, without a gap. */
  readonly entries: readonly Entry[];
}

const HINT =
  'keep the file for support, remove this node from the cluster and join it again: its data on the volumes is not touched';

/** The image that the valid batches add up to; or `corrupt` for damage, `unsupported` for another version. */
export function recoverLog(file: Buffer): LogImage | EterneError {
  const header = decodeFileHeader(file);
  if (!header) return damaged('its header is not that of a log');
  if (header.version !== FILE_VERSION)
    return new EterneError(
      'unsupported',
      `the log has format version ${header.version}, this program knows ${FILE_VERSION}`,
    );
  const records: LogRecord[] = [];
  let offset = FILE_HEADER_BYTES;
  let number = 1;
  for (;;) {
    const payload = validPayload(file, offset, number, header.nonce);
    if (!payload) break;
    try {
      records.push(...decodeRecords(payload));
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      return damaged(`batch ${number}: ${error.message}`);
    }
    offset += BATCH_HEADER_BYTES + paddedBytes(payload.length);
    number += 1;
  }
  if (number === 1) return damaged('its first batch fails its checks');
  if (provenSynced(file, offset, number, header.nonce))
    return damaged(
      `batch ${number} at byte ${offset} fails its checks, and a later one shows that it was complete`,
    );
  return replay(records);
}

function validPayload(file: Buffer, offset: number, number: number, nonce: number): Buffer | undefined {
  const header = decodeBatchHeader(file, offset, nonce);
  if (header?.number !== number) return undefined;
  const start = offset + BATCH_HEADER_BYTES;
  if (start + paddedBytes(header.lengthBytes) > file.length) return undefined;
  const payload = file.subarray(start, start + header.lengthBytes);
  return crc32c(payload, nonce) === header.payloadCrc ? payload : undefined;
}

/** Does any later batch say that batch `number`, which is not valid here, had reached stable storage? */
function provenSynced(file: Buffer, offset: number, number: number, nonce: number): boolean {
  for (let at = offset; at + BATCH_HEADER_BYTES <= file.length; at += 8) {
    const header = decodeBatchHeader(file, at, nonce);
    if (header && header.number > number && header.synced >= number) return true;
  }
  return false;
}

function replay(records: readonly LogRecord[]): LogImage | EterneError {
  let identity: LogIdentity | undefined;
  let hardState: HardState | undefined;
  let snapshot: Snapshot | undefined;
  let starts = 0;
  const entries: Entry[] = [];
  for (const record of records) {
    switch (record.type) {
      case 'identity':
        identity = record.identity;
        break;
      case 'hard-state':
        hardState = record.hardState;
        break;
      case 'snapshot':
        snapshot = record.snapshot;
        break;
      case 'starts':
        starts = record.starts;
        break;
      case 'entry': {
        const place = record.entry.index - (snapshot?.index ?? 0) - 1;
        if (place < 0 || place > entries.length) return damaged(`entry ${record.entry.index} leaves a gap`);
        entries.length = place;
        entries.push(record.entry);
        break;
      }
    }
  }
  if (!identity || !hardState || !snapshot) return damaged('its base is incomplete');
  if (hardState.commit > snapshot.index + entries.length)
    return damaged(`entry ${hardState.commit} was committed and is missing`);
  return { identity, starts, hardState, snapshot, entries };
}

function damaged(what: string): EterneError {
  return new EterneError('corrupt', `the cluster log is damaged: ${what}`, { hint: HINT });
}
