/** A target with a LUN for the attackers, who may do with it what they like, and one of an honest initiator beside it in the same process. */
import { RESPONSE, STATUS } from '@eterne/iscsi';
import { readScsiResponse } from '@eterne/iscsi/pdu/scsi-response.ts';
import {
  INITIATOR,
  NORMAL,
  TestInitiator,
  type Answer,
} from '../../packages/target/test/support/initiator.ts';
import { startTarget } from '../conformance/iscsi/support/target.ts';

export const FUZZED = 'iqn.2026-11.io.eterne:fuzzed';
const HONEST = 'iqn.2026-11.io.eterne:honest';

export interface FuzzedTarget {
  readonly address: string;
  readonly to: { readonly host: string; readonly port: number };
  readonly pid: number;
  hasEnded(): boolean;
  /** Exit code. */
  stop(): Promise<number | null>;
}

export async function startFuzzedTarget(folder: string): Promise<FuzzedTarget> {
  const target = await startTarget(
    folder,
    `  - { iqn: '${FUZZED}', luns: [{ lun: 1, path: fuzzed.img, size: 16MiB, removable: true }] }\n` +
      `  - { iqn: '${HONEST}', initiators: ['${INITIATOR}'], luns: [{ lun: 1, path: honest.img, size: 16MiB }] }\n`,
  );
  const { address, process } = target;
  return {
    address,
    to: { host: '127.0.0.1', port: Number(address.split(':')[1]) },
    pid: process.pid ?? 0,
    hasEnded: () => process.exitCode !== null || process.signalCode !== null,
    async stop() {
      await target.stop();
      return process.exitCode;
    },
  };
}

/** One command at a time. */
export class HonestInitiator {
  readonly #initiator: TestInitiator;

  private constructor(initiator: TestInitiator) {
    this.#initiator = initiator;
  }

  static async open(address: string): Promise<HonestInitiator> {
    const initiator = new TestInitiator(address);
    await initiator.login(NORMAL(HONEST));
    initiator.command('000000000000');
    await initiator.receive(); // the unit attention of a new session
    return new HonestInitiator(initiator);
  }

  /** A page of 4 KiB. Throws when the answer is not what it must be. */
  async writeAndCheck(page: number, data: Buffer): Promise<void> {
    const lba = (page * 8).toString(16).padStart(8, '0');
    this.#initiator.command(`2a00${lba}00000800`, { data });
    const written = await this.#answer();
    if (written === undefined || readScsiResponse(written.header).status !== STATUS.good)
      throw new Error(`the honest initiator cannot write: ${describe(written)}`);
    this.#initiator.command(`2800${lba}00000800`, { readBytes: data.length });
    const read = await this.#answer();
    if (read === undefined || !read.data.equals(data))
      throw new Error(`the honest initiator got a wrong answer: ${describe(read)}`);
  }

  /** The target asks now and then whether its initiator lives; the next command says so. */
  async #answer(): Promise<Answer | undefined> {
    for (;;) {
      const answer = await this.#initiator.receive();
      if (answer?.opcode !== RESPONSE.nopIn) return answer;
    }
  }

  close(): void {
    this.#initiator.close();
  }
}

function describe(answer: Answer | undefined): string {
  if (answer === undefined) return 'the connection is closed';
  return `${answer.header.toString('hex')}, then ${answer.data.toString('hex', 0, 64)}`;
}
