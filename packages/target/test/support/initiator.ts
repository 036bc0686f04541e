/** A small initiator for tests: one PDU at a time over a real socket, with nothing done behind the test's back. */
import { connect, type Socket } from 'node:net';
import {
  BHS_BYTES,
  DIGEST_BYTES,
  STAGE,
  decodeText,
  encodeText,
  frame,
  paddedBytes,
  writeLun,
  type TextKeys,
} from '@eterne/iscsi';
import { writeLoginRequest } from '@eterne/iscsi/pdu/login-request.ts';
import { readLoginResponse, type LoginResponse } from '@eterne/iscsi/pdu/login-response.ts';
import { writeScsiCommand } from '@eterne/iscsi/pdu/scsi-command.ts';

export interface Answer {
  readonly opcode: number;
  readonly header: Buffer;
  readonly data: Buffer;
}

/** Digests are skipped, not checked. */
function pduBytes(bytes: Buffer, hasDataDigest: boolean): number {
  const dataBytes = paddedBytes(bytes.readUIntBE(5, 3));
  return BHS_BYTES + dataBytes + (hasDataDigest && dataBytes > 0 ? DIGEST_BYTES : 0);
}

/** Of the first request of a login that goes straight to the full feature phase. */
export const FIRST_LOGIN = {
  transit: true,
  continues: false,
  currentStage: STAGE.operational,
  nextStage: STAGE.fullFeature,
  versionMin: 0,
  isid: Buffer.from('800000000001', 'hex'),
  tsih: 0,
  initiatorTaskTag: 0,
  cid: 0,
  cmdSn: 1,
  expStatSn: 0,
};

export const INITIATOR = 'iqn.2026-11.io.eterne:test';

export class TestInitiator {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => {};
  #tag = 1;
  #cmdSn = 1;

  constructor(address: string) {
    const [host = '', port = ''] = address.split(':');
    this.#socket = connect({ host, port: Number(port) });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The next PDU; undefined when the target has closed the connection. */
  async receive(hasDataDigests = false): Promise<Answer | undefined> {
    for (;;) {
      const lengthBytes = this.#bytes.length < BHS_BYTES ? undefined : pduBytes(this.#bytes, hasDataDigests);
      if (lengthBytes !== undefined && this.#bytes.length >= lengthBytes) {
        const pdu = this.#bytes.subarray(0, lengthBytes);
        this.#bytes = this.#bytes.subarray(lengthBytes);
        const dataBytes = pdu.readUIntBE(5, 3);
        return {
          opcode: pdu.readUInt8(0) & 0x3f,
          header: pdu.subarray(0, BHS_BYTES),
          data: pdu.subarray(BHS_BYTES, BHS_BYTES + dataBytes),
        };
      }
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async closed(): Promise<void> {
    while ((await this.receive()) !== undefined);
  }

  /** One login request and its response. */
  async login(
    keys: Iterable<readonly [string, string]>,
    stages: { current: number; next: number; transit: boolean } = {
      current: STAGE.operational,
      next: STAGE.fullFeature,
      transit: true,
    },
    isid = FIRST_LOGIN.isid.toString('hex'),
  ): Promise<{ response: LoginResponse; keys: TextKeys } | undefined> {
    const fields = {
      ...FIRST_LOGIN,
      transit: stages.transit,
      currentStage: stages.current,
      nextStage: stages.transit ? stages.next : 0,
      isid: Buffer.from(isid, 'hex'),
    };
    this.send(frame(writeLoginRequest, fields, encodeText(keys)));
    const answer = await this.receive();
    return answer && { response: readLoginResponse(answer.header), keys: decodeText(answer.data) };
  }

  /** A SCSI command; its data, if any, goes along as immediate data. */
  command(
    cdb: string,
    options: {
      readBytes?: number;
      data?: Buffer;
      expectedBytes?: number;
      lun?: number;
      final?: boolean;
    } = {},
  ): number {
    const data = options.data ?? Buffer.alloc(0);
    const lun = Buffer.alloc(8);
    writeLun(lun, 0, options.lun ?? 1);
    const tag = this.#tag;
    this.#tag += 1;
    const bytes = Buffer.alloc(16);
    Buffer.from(cdb.replaceAll(' ', ''), 'hex').copy(bytes);
    const fields = {
      immediate: false,
      final: options.final ?? true,
      read: options.readBytes !== undefined,
      write: options.readBytes === undefined && (data.length > 0 || options.expectedBytes !== undefined),
      lun,
      initiatorTaskTag: tag,
      expectedBytes: options.expectedBytes ?? options.readBytes ?? data.length,
      cmdSn: this.#cmdSn,
      expStatSn: 0,
      cdb: bytes,
    };
    this.#cmdSn += 1;
    this.send(frame(writeScsiCommand, fields, data));
    return tag;
  }

  get cmdSn(): number {
    return this.#cmdSn;
  }
}

export const NORMAL = (target: string): (readonly [string, string])[] => [
  ['InitiatorName', INITIATOR],
  ['SessionType', 'Normal'],
  ['TargetName', target],
];
