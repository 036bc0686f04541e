/** A target with one LUN in memory, listening on a free port. */
import type { EterneError } from '@eterne/base';
import type { BlockDevice } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { identityFrom } from '@eterne/target/scsi/identity.ts';
import { LogicalUnit } from '@eterne/target/scsi/logical-unit.ts';
import { ReservationKeeper } from '@eterne/target/scsi/reservations/keeper.ts';
import { ScsiTarget } from '@eterne/target/scsi/scsi-target.ts';
import { TargetServer, type ServedTarget } from '@eterne/target/target-server.ts';

export const TARGET = 'iqn.2026-11.io.eterne:t1';
export const SIZE_BYTES = 1 << 20;

export interface Served {
  readonly server: TargetServer;
  readonly address: string;
  readonly memory: Buffer;
  /** Of one call of the device. */
  readonly longestReadBytes: number;
  /** As if the process had stood still for so long and its timers had not run since. */
  standStill(forMs: number): void;
  /** What waits for so long has waited. */
  expire(delayMs: number): void;
  close(): Promise<void>;
}

/** `hold` delays each write until it is called back: a frozen volume. */
export async function serve(
  options: Partial<ServedTarget> & { hold?: (go: () => void) => void } = {},
): Promise<Served> {
  const real = createNodeWorld('test');
  let lostMs = 0;
  const clock = { ...real.clock, bootMs: () => real.clock.bootMs() + lostMs };
  const waiting = new Set<{ readonly delayMs: number; readonly fire: () => void }>();
  const timers = {
    ...real.timers,
    after: (delayMs: number, fire: () => void) => {
      const timer = real.timers.after(delayMs, () => entry.fire());
      const cancel = (): void => {
        waiting.delete(entry);
        timer.cancel();
      };
      const entry = {
        delayMs,
        fire: () => {
          cancel();
          fire();
        },
      };
      waiting.add(entry);
      return { ...timer, cancel };
    },
    every: (intervalMs: number, fire: () => void) =>
      real.timers.every(intervalMs, () => {
        if (lostMs === 0) fire();
      }),
  };
  const world = { ...real, clock, timers, log: () => {} };
  const memory = Buffer.alloc(SIZE_BYTES);
  let longestReadBytes = 0;
  const hold = options.hold ?? ((go: () => void) => go());
  const device: BlockDevice = {
    name: 'memory',
    sizeBytes: SIZE_BYTES,
    readOnly: false,
    term: 1,
    read: (offset, lengthBytes, done) => {
      longestReadBytes = Math.max(longestReadBytes, lengthBytes);
      done(undefined, Buffer.from(memory.subarray(offset, offset + lengthBytes)));
    },
    write: (offset, data, _fua, done) =>
      hold(() => {
        data.copy(memory, offset);
        done(undefined);
      }),
    flush: (done) => done(undefined),
    discard: (_offset, _lengthBytes, done) => done(undefined),
    writeZeroes: (offset, lengthBytes, _mayPunch, _fua, done) => {
      memory.fill(0, offset, offset + lengthBytes);
      done(undefined);
    },
  };
  const attributes = {
    blockBytes: 512,
    thin: true,
    removable: false,
    identity: identityFrom('test'),
    soon: (fire: () => void) => real.timers.soon(fire),
  } as const;
  const unit = new LogicalUnit(1, device, attributes, ReservationKeeper.volatile());
  const server = new TargetServer(world);
  server.serve({
    scsi: new ScsiTarget(TARGET, [unit]),
    initiators: options.initiators ?? [],
    chap: options.chap,
  });
  await new Promise<void>((resolve, reject) =>
    server.listen('127.0.0.1:0', (error: EterneError | undefined) =>
      error === undefined ? resolve() : reject(error),
    ),
  );
  return {
    server,
    address: server.addresses[0] ?? '',
    memory,
    get longestReadBytes() {
      return longestReadBytes;
    },
    standStill: (forMs) => (lostMs += forMs),
    expire: (delayMs) => {
      for (const entry of waiting) if (entry.delayMs === delayMs) entry.fire();
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
