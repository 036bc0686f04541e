/** One logical unit: the device it serves and everything that SCSI remembers about it between commands. */
import { assert, type EterneError } from '@eterne/base';
import type { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import { SENSE, type Sense } from '@eterne/iscsi';
import type { BlockDevice, DeviceDone, DeviceErrorCode } from '@eterne/runtime';
import { MAX_ATTENTIONS } from '../limits.ts';
import { CopyMemory } from './copy/memory.ts';
import type { RunningCopy } from './copy/running-copy.ts';
import type { Identity } from './identity.ts';
import type { Nexus } from './nexus.ts';
import { ONLY_PORT, type TargetPort } from './ports.ts';
import { RangeLock, type Range } from './range-lock.ts';
import type { ReservationKeeper } from './reservations/keeper.ts';
import { Sanitizer, type SanitizeSite } from './sanitize/sanitizer.ts';

export interface AtomicWrites {
  /** A power loss leaves all of `data` or nothing of it; durable when done. */
  write(offset: number, data: Buffer, done: DeviceDone): void;
  /** An unfinished write could neither be ended nor given up: nothing newer may be written, it would be overwritten at the next start. */
  readonly isStuck: boolean;
  /** Nothing of what was written stays in the journal. */
  forget(done: (error: EterneError | undefined) => void): void;
}

export interface UnitAttributes {
  readonly blockBytes: 512 | 4096;
  /** What a write should be a multiple of, as initiators are told: a power of two of blocks; absent: one. */
  readonly physicalBlockBytes?: number;
  /** Unmapped blocks cost nothing and read as zeroes; UNMAP is offered. */
  readonly thin: boolean;
  readonly removable: boolean;
  readonly identity: Identity;
  /** Lets others in between the pieces of a long command. Absent: the device does, which never answers before it has returned. */
  readonly soon?: (fire: () => void) => void;
  /** Where data of commands lives. Absent: the device may keep what it is given, so nothing is used twice. */
  readonly memory?: BufferSlabs;
  /** Absent: WRITE ATOMIC is not offered. */
  readonly atomic?: AtomicWrites;
  /** Absent: there is nowhere to keep what has begun, so SANITIZE is not offered. */
  readonly sanitize?: SanitizeSite;
}

type ReadDone = (error: DeviceErrorCode | undefined, data: Buffer, give: (() => void) | undefined) => void;

interface NexusState {
  readonly attentions: Sense[];
  preventsRemoval: boolean;
}

export class LogicalUnit {
  readonly lun: number;
  readonly device: BlockDevice;
  readonly attributes: UnitAttributes;
  readonly reservations: ReservationKeeper;
  readonly blockBytes: number;
  medium: 'loaded' | 'ejected' = 'loaded';
  readonly sanitizer: Sanitizer | undefined;
  /** Control mode page: software write protect, and descriptor format sense data. */
  softwareWriteProtect = false;
  descriptorSense = false;
  /** Who holds the reservation of a RESERVE (6) (SPC-2 clause "RESERVE(6) command"). */
  legacyHolder: Nexus | undefined;
  /** All units of the target this one belongs to, itself included; set by the target. */
  siblings: Iterable<LogicalUnit> = [this];
  /** All ports of the target this unit belongs to; set by the target. */
  ports: readonly TargetPort[] = [ONLY_PORT];
  readonly copies = new CopyMemory();
  /** Those that write to this unit, whichever unit was told to. */
  readonly copiesHere = new Set<RunningCopy>();
  readonly #nexuses = new Map<Nexus, NexusState>();
  readonly #lock = new RangeLock();

  constructor(lun: number, device: BlockDevice, attributes: UnitAttributes, reservations: ReservationKeeper) {
    assert(device.sizeBytes >= attributes.blockBytes, 'a logical unit has at least one block');
    this.lun = lun;
    this.device = device;
    this.attributes = attributes;
    this.reservations = reservations;
    this.blockBytes = attributes.blockBytes;
    this.sanitizer = attributes.sanitize && new Sanitizer(this, attributes.sanitize);
  }

  get blocks(): number {
    return Math.floor(this.device.sizeBytes / this.blockBytes);
  }

  /** The device has become larger (CAPACITY DATA HAS CHANGED): every initiator is told with its next command. */
  capacityChanged(): void {
    this.attention(SENSE.capacityChanged, () => true);
  }

  get writeProtected(): boolean {
    return this.device.readOnly || this.softwareWriteProtect || this.attributes.atomic?.isStuck === true;
  }

  /** Why commands for the medium are refused; undefined: they are not. */
  get mediumRefusal(): Sense | undefined {
    return (
      this.sanitizer?.refusal ?? (this.medium === 'ejected' ? SENSE.mediumNotPresentTrayOpen : undefined)
    );
  }

  get nexuses(): IterableIterator<Nexus> {
    return this.#nexuses.keys();
  }

  /** A new session: its first command is told that this unit may have been reset since it last looked. */
  attach(nexus: Nexus): void {
    this.#nexuses.set(nexus, { attentions: [SENSE.powerOn], preventsRemoval: false });
  }

  /** I_T nexus loss (SAM-5 §6.3.4): what belongs to the session ends with it; persistent reservations stay. */
  detach(nexus: Nexus): void {
    this.#nexuses.delete(nexus);
    if (this.legacyHolder === nexus) this.legacyHolder = undefined;
  }

  get removalPrevented(): boolean {
    for (const state of this.#nexuses.values()) if (state.preventsRemoval) return true;
    return false;
  }

  preventRemoval(nexus: Nexus, prevent: boolean): void {
    const state = this.#nexuses.get(nexus);
    if (state !== undefined) state.preventsRemoval = prevent;
  }

  /** Takes the oldest unit attention of this nexus, which thereby is reported (SAM-5 §5.14). */
  takeAttention(nexus: Nexus): Sense | undefined {
    return this.#nexuses.get(nexus)?.attentions.shift();
  }

  /** Establishes a unit attention for every nexus that `wanted` says. */
  attention(sense: Sense, wanted: (nexus: Nexus) => boolean): void {
    for (const [nexus, { attentions }] of this.#nexuses)
      if (wanted(nexus) && !attentions.includes(sense) && attentions.length < MAX_ATTENTIONS)
        attentions.push(sense);
  }

  /** LOGICAL UNIT RESET (SAM-5 §6.3.3), after all tasks have been aborted. */
  reset(cause: Sense): void {
    this.legacyHolder = undefined;
    this.softwareWriteProtect = false;
    this.descriptorSense = false;
    for (const state of this.#nexuses.values()) state.preventsRemoval = false;
    this.attention(cause, () => true);
  }

  /** Reads blocks as they are between two changes that are atomic. `give` is to be called when nobody uses `data` any more. */
  read(range: { readonly lba: number; readonly blocks: number }, done: ReadDone): void {
    if (this.sanitizer?.isBusy === true) return done('ESHUTDOWN', NOTHING, undefined);
    const locked: Range = { start: range.lba, end: range.lba + range.blocks, exclusive: false };
    this.#lock.acquire(locked, () =>
      this.#readDevice(range.lba * this.blockBytes, range.blocks * this.blockBytes, (error, data, give) => {
        this.#lock.release(locked);
        done(error, data, give);
      }),
    );
  }

  #readDevice(offset: number, lengthBytes: number, done: ReadDone): void {
    const { device } = this;
    const { memory } = this.attributes;
    if (memory === undefined || device.readInto === undefined)
      return device.read(offset, lengthBytes, (error, data) => done(error, data, undefined));
    const into = memory.take(lengthBytes);
    device.readInto(offset, into, (error) => done(error, into, () => memory.give(into)));
  }

  /** Runs a change of blocks; `exclusive` when it must see nothing change between its read and its write. */
  change(
    range: { readonly lba: number; readonly blocks: number },
    exclusive: boolean,
    step: (done: DeviceDone) => void,
    done: DeviceDone,
  ): void {
    // It was on its way when a SANITIZE began.
    if (this.sanitizer?.isBusy === true) return done('ESHUTDOWN');
    const locked: Range = { start: range.lba, end: range.lba + range.blocks, exclusive };
    this.#lock.acquire(locked, () =>
      step((error) => {
        this.#lock.release(locked);
        done(error);
      }),
    );
  }

  /** Between two pieces of a long command: a device that answers at once must not keep this thread, nor fill its stack. */
  rest(then: () => void): void {
    const { soon } = this.attributes;
    if (soon === undefined) then();
    else soon(then);
  }

  /** When nothing that reads or changes blocks is under way any more. */
  whenQuiet(then: () => void): void {
    const all: Range = { start: 0, end: this.blocks, exclusive: true };
    this.#lock.acquire(all, () => {
      this.#lock.release(all);
      then();
    });
  }
}

const NOTHING = Buffer.alloc(0);

/** What a failed device operation is to an initiator. */
export function senseOf(error: DeviceErrorCode, operation: 'read' | 'write'): Sense {
  switch (error) {
    case 'ENOSPC':
      return SENSE.spaceAllocationFailed;
    case 'EPERM':
      return SENSE.writeProtected;
    case 'ESHUTDOWN':
    case 'ETIMEDOUT':
      // The unit may come back, here or on another node: initiators retry what is becoming ready.
      return SENSE.becomingReady;
    case 'EINVAL':
    case 'ENOTSUP':
      return SENSE.internalTargetFailure;
    case 'EIO':
      return operation === 'read' ? SENSE.unrecoveredReadError : SENSE.writeError;
  }
}
