/**
 * One heartbeat disk as this node uses it: writes its own slot, reads those of all. Whatever the disk does, nobody waits for it: accesses go one at a
 * time, and while one has no answer nothing happens but that the slots grow old.
 *
 *   opening ──opened──► ready ──header wrong · access failed──► waiting ──again, after REOPEN_MS──► opening
 *
 * 1. Nothing is written before the header was read and is the one that the cluster's state names: another disk may have come under the same path.
 *    It is read again with every look.
 * 2. At most one access is under way.
 */
import { EterneError } from '@eterne/base';
import {
  SHARED_SECTOR_BYTES,
  type SharedDisk,
  type SharedDisks,
  type Timer,
  type World,
} from '@eterne/runtime';
import { BOARD_FROM, decodeBoardHeader, slotOffset } from './wire/board.ts';

const REOPEN_MS = 5000;
/** Starting a process for it takes its time on a busy machine. */
const OPENING_MS = 10_000;
/** Weight of the newest access in the average. */
const ACCESS_WEIGHT = 0.2;

export interface HeartDisk {
  /** What its header says, 32 hexadecimal digits. */
  readonly id: string;
  /** As this node reaches it. */
  readonly device: string;
}

export interface SlotDiskParts {
  readonly world: Pick<World, 'clock' | 'timers' | 'log'>;
  readonly disks: SharedDisks;
  readonly disk: HeartDisk;
  /** This node's own slot, and what to write there now. */
  readonly own: () => { readonly slot: number; readonly sector: Buffer } | undefined;
  /** Everybody's, as just read, by slot number. The sector is the listener's to keep. */
  readonly onSlot: (slot: number, sector: Buffer) => void;
}

export class SlotDisk {
  readonly id: string;
  readonly device: string;
  readonly #parts: SlotDiskParts;
  #port: SharedDisk | undefined;
  #again: Timer | undefined;
  /** Of the access, or the opening, that is under way. */
  #sinceMs: number | undefined;
  #isVerified = false;
  #accessMs: number | null = null;
  #trouble: string | null = 'it has not been read yet';
  #closed = false;

  constructor(parts: SlotDiskParts) {
    this.id = parts.disk.id;
    this.device = parts.disk.device;
    this.#parts = parts;
    this.#open();
  }

  /** Why it cannot be used from this node: a sentence. Null: it can. */
  trouble(patienceMs: number): string | null {
    const waitedMs = this.#sinceMs === undefined ? 0 : this.#nowMs - this.#sinceMs;
    const isOpening = this.#port === undefined;
    if (waitedMs < patienceMs + (isOpening ? OPENING_MS : 0)) return this.#trouble;
    return `${this.device} does not answer`;
  }

  /** What an access takes, on average; null: there was none yet. */
  get accessMs(): number | null {
    return this.#accessMs;
  }

  /** Writes the own slot, when it is to be written, then reads slots 0 to `slots` − 1. Does nothing while an earlier access is under way. */
  look(slots: number, isToWrite: boolean): void {
    const port = this.#port;
    if (port === undefined || this.#sinceMs !== undefined) return;
    const own = isToWrite && this.#isVerified ? this.#parts.own() : undefined;
    if (own === undefined) return this.#read(port, slots);
    this.#begin();
    port.write(slotOffset(own.slot), own.sector, (error) => {
      if (this.#finish(port, error)) this.#read(port, slots);
    });
  }

  close(): void {
    this.#closed = true;
    this.#again?.cancel();
    this.#port?.close();
  }

  #open(): void {
    const { disks } = this.#parts;
    this.#begin();
    disks.open(this.device, (port) => {
      if (this.#closed) return port instanceof EterneError ? undefined : port.close();
      this.#sinceMs = undefined;
      if (port instanceof EterneError) return this.#fail(port.message);
      this.#port = port;
      return undefined;
    });
  }

  #read(port: SharedDisk, slots: number): void {
    this.#begin();
    port.read(BOARD_FROM, (1 + slots) * SHARED_SECTOR_BYTES, (board) => {
      if (!this.#finish(port, board instanceof EterneError ? board : undefined)) return;
      if (!(board instanceof EterneError)) this.#take(board);
    });
  }

  #take(board: Buffer): void {
    const sectorAt = (index: number): Buffer =>
      board.subarray(index * SHARED_SECTOR_BYTES, (index + 1) * SHARED_SECTOR_BYTES);
    const header = decodeBoardHeader(sectorAt(0));
    if (header?.diskId !== this.id)
      return this.#fail(
        header === undefined
          ? `${this.device} is not a heartbeat disk`
          : `${this.device} is another disk than the one that was configured: it was made a heartbeat disk of cluster ${header.clusterId} as ${header.diskId}`,
      );
    this.#isVerified = true;
    this.#trouble = null;
    for (let slot = 0; slot < board.length / SHARED_SECTOR_BYTES - 1; slot += 1)
      this.#parts.onSlot(slot, sectorAt(slot + 1));
    return undefined;
  }

  #begin(): void {
    this.#sinceMs = this.#nowMs;
  }

  /** False when nothing more is to be done with `port`. */
  #finish(port: SharedDisk, error: EterneError | undefined): boolean {
    if (this.#closed || this.#port !== port) return false;
    const tookMs = this.#nowMs - (this.#sinceMs ?? this.#nowMs);
    this.#sinceMs = undefined;
    this.#accessMs = (this.#accessMs ?? tookMs) + ACCESS_WEIGHT * (tookMs - (this.#accessMs ?? tookMs));
    if (error === undefined) return true;
    this.#fail(error.message);
    return false;
  }

  #fail(trouble: string): void {
    const { world } = this.#parts;
    if (trouble !== this.#trouble) world.log('warn', 'a heartbeat disk cannot be used', { trouble });
    this.#trouble = trouble;
    this.#isVerified = false;
    this.#accessMs = null;
    this.#port?.close();
    this.#port = undefined;
    this.#again = world.timers.after(REOPEN_MS, () => this.#open());
  }

  get #nowMs(): number {
    return this.#parts.world.clock.bootMs();
  }
}
