import type { BlockDevice } from '@eterne/runtime';
import type { History } from '../checkers/history.ts';
import { Workload, type Witness, type WorkloadShape } from '../mirror/workload.ts';
import type { SimProcess } from '../world/process.ts';
import { DeviceBridge } from './device-bridge.ts';
import type { DiskDaemon } from './disk-daemon.ts';

const RETRY_MS = 30;
const PATIENCE_MS = 4_000;

export interface LedgerSurroundings {
  readonly volume: string;
  readonly disk: () => DiskDaemon | undefined;
  readonly history: History;
  readonly witness: Witness;
  readonly shape: WorkloadShape;
  readonly mayWork: () => boolean;
  /** What its operations are said to be of, where two devices may have one term. */
  readonly termOf?: (device: BlockDevice) => number;
}

/** The application of the simulated group: writes and reads the volume of its node until its device is cut, and then ends. */
export class Ledger {
  workload: Workload | undefined;
  readonly process: SimProcess;
  private readonly around: LedgerSurroundings;
  private readonly startedMs: number;

  constructor(process: SimProcess, around: LedgerSurroundings) {
    this.process = process;
    this.around = around;
    this.startedMs = process.node.universe.nowMs;
    this.attach();
  }

  private attach(): void {
    const { process, around } = this;
    const { universe } = process.node;
    const daemon = around.disk();
    const device = daemon?.process.alive === true ? daemon.volumes.get(around.volume)?.device : undefined;
    if (daemon === undefined || device === undefined) {
      if (universe.nowMs - this.startedMs > PATIENCE_MS) process.crash();
      else process.later(RETRY_MS, () => this.attach());
      return;
    }
    universe.trace.line(process.label, `works on term ${device.term}`);
    const bridge = new DeviceBridge(
      process,
      daemon.process,
      device,
      () => around.history.mark(),
      () => process.crash(),
    );
    this.workload = new Workload(
      process,
      bridge,
      () => bridge.isOpen,
      around.history,
      around.witness,
      around.shape,
      universe.prng(`ledger:${process.pid}:${device.term}`),
      around.termOf?.(device) ?? device.term,
      () => bridge.answeredMark,
    );
    if (around.mayWork()) this.workload.start();
    else this.workload.stop();
  }
}
