/** An array with one LUN: a target of our own, with persistent reservations, at an address that it keeps when it is started again. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { startTarget, type TargetProcess } from '../../conformance/iscsi/support/target.ts';

const IQN = 'iqn.2026-11.io.eterne:array';

export class DiskArray {
  readonly #folder = mkdtempSync(join(tmpdir(), 'eterne-array-'));
  #port = 0;
  #target: TargetProcess | undefined;

  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const targets = `  - { iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 24MiB }] }\n`;
    this.#target = await startTarget(this.#folder, targets, this.#port);
  }

  get uri(): string {
    return `iscsi://127.0.0.1:${this.#port}/${IQN}/1`;
  }

  /** Of the whole LUN: a volume's content is at its beginning. */
  get content(): Buffer {
    return readFileSync(join(this.#folder, 'lun.img'));
  }

  async kill(): Promise<void> {
    await this.#target?.stop('SIGKILL');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }
}
