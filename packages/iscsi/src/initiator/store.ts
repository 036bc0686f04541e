/**
 * A LUN of an iSCSI target as a backing store. A lost session is a failed device: nobody knows what became of the writes on it, so
 * nothing is sent again. Opened for writing it is fenced (`fence.ts`).
 */
import { createHash } from 'node:crypto';
import { EterneError, MIB, assert } from '@eterne/base';
import {
  inPieces,
  type BlockStore,
  type OpenStoreOptions,
  type StoreDone,
  type StoreError,
  type Stores,
  type World,
} from '@eterne/runtime';
import { LunFence } from './fence.ts';
import { RemoteLun } from './lun.ts';
import { readProperties, type LunProperties } from './properties.ts';
import { InitiatorSession, type InitiatorPorts } from './session.ts';
import { parseIscsiUri, type IscsiUri } from './uri.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const BLOCK_BYTES = 512;
const ZERO_CHUNK = Buffer.alloc(1 * MIB);
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);
const READ_16 = 0x88;
const WRITE_16 = 0x8a;
const WRITE_SAME_16 = 0x93;
const SYNCHRONIZE_CACHE_10 = 0x35;
const UNMAP_BIT = 0x08;
const MACHINE_ID = '/etc/machine-id';

type StoreWorld = InitiatorPorts & Pick<World, 'files' | 'stores'>;

class IscsiStore implements BlockStore {
  readonly sizeBytes: number;
  readonly canPunch: boolean;
  readonly #lun: RemoteLun;
  readonly #properties: LunProperties;
  readonly #fence: LunFence | undefined;
  #failed: StoreError | undefined;
  #inFlight = 0;
  #onIdle: (() => void) | undefined;

  constructor(lun: RemoteLun, properties: LunProperties, fence: LunFence | undefined) {
    this.#lun = lun;
    this.#properties = properties;
    this.#fence = fence;
    this.sizeBytes = properties.sizeBytes;
    this.canPunch = properties.canPunch;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    const readPiece = (at: number, bytes: number, next: StoreDone): void => {
      const piece = into.subarray(at - offset, at - offset + bytes);
      this.#run('read', rangeCdb(READ_16, at, bytes), { kind: 'read', into: piece }, (error, readBytes) =>
        next(error ?? (readBytes === bytes ? undefined : this.#short())),
      );
    };
    inPieces(offset, offset + into.length, this.#properties.maxTransferBytes, readPiece, done);
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    const writePiece = (at: number, bytes: number, next: StoreDone): void => {
      const piece = from.subarray(at - offset, at - offset + bytes);
      this.#run('write', rangeCdb(WRITE_16, at, bytes), { kind: 'write', from: piece }, next);
    };
    inPieces(offset, offset + from.length, this.#properties.maxTransferBytes, writePiece, done);
  }

  flush(done: StoreDone): void {
    const cdb = Buffer.alloc(10);
    cdb.writeUInt8(SYNCHRONIZE_CACHE_10, 0);
    this.#run('flush', cdb, { kind: 'none' }, (error) => {
      // What the target's own flush lost is lost, whatever a second one would say.
      if (error !== undefined) this.#failed ??= { ...error, kind: 'device' };
      done(this.#failed);
    });
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    if (this.canPunch) this.writeZeroes(offset, lengthBytes, true, done);
    else done(this.#failed);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    const end = offset + lengthBytes;
    if (!mayPunch || !this.canPunch) {
      const writePiece = (at: number, bytes: number, next: StoreDone): void =>
        this.write(at, ZERO_CHUNK.subarray(0, bytes), next);
      return inPieces(offset, end, ZERO_CHUNK.length, writePiece, done);
    }
    const unmapPiece = (at: number, bytes: number, next: StoreDone): void => {
      const cdb = rangeCdb(WRITE_SAME_16, at, bytes);
      cdb.writeUInt8(UNMAP_BIT, 1);
      this.#run('write zeroes to', cdb, { kind: 'write', from: ZERO_BLOCK }, next);
    };
    inPieces(offset, end, this.#properties.maxWriteSameBytes, unmapPiece, done);
  }

  close(done: () => void): void {
    assert(this.#onIdle === undefined, 'a store is closed once');
    this.#onIdle = () => {
      const logOut = (): void => {
        this.#lun.session.close();
        done();
      };
      if (this.#fence === undefined || this.#lun.session.isClosed) logOut();
      else this.#fence.release(logOut);
    };
    this.#closeIfIdle();
  }

  #run(
    what: string,
    cdb: Buffer,
    transfer: Parameters<RemoteLun['command']>[2],
    done: Parameters<RemoteLun['command']>[3],
  ): void {
    if (this.#failed !== undefined) return done(this.#failed, 0);
    this.#inFlight += 1;
    this.#lun.command(what, cdb, transfer, (error, readBytes) => {
      this.#inFlight -= 1;
      // A LUN that is gone or another's stays so.
      if (error !== undefined && error.kind !== 'sector' && error.kind !== 'logical') this.#failed ??= error;
      done(error, readBytes);
      this.#closeIfIdle();
    });
  }

  #short(): StoreError {
    return { kind: 'device', errno: 'EIO', message: `read ${this.#lun.name}: fewer bytes than asked for` };
  }

  #closeIfIdle(): void {
    if (this.#inFlight > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }
}

/** READ, WRITE and WRITE SAME (16) have their range at the same place. */
function rangeCdb(opcode: number, offset: number, lengthBytes: number): Buffer {
  const cdb = Buffer.alloc(16);
  cdb.writeUInt8(opcode, 0);
  cdb.writeBigUInt64BE(BigInt(offset / BLOCK_BYTES), 2);
  cdb.writeUInt32BE(lengthBytes / BLOCK_BYTES, 10);
  return cdb;
}

/** Who we are to targets: the same after every restart of this machine, so that our own reservation is never another's. */
interface OurIdentity {
  readonly initiator: string;
  readonly isid: Buffer;
  readonly key: bigint;
}

function identityFor(uri: IscsiUri, machineId: string): OurIdentity {
  const name = createHash('sha256').update(machineId.trim()).digest('hex').slice(0, 16);
  const initiator = uri.initiator ?? `iqn.2026-11.io.eterne:${name}`;
  const digest = createHash('sha256').update(`${initiator} ${uri.target} ${uri.lun}`).digest();
  // Random format of an ISID (RFC 7143 §11.12.5), made from what is ours.
  const isid = Buffer.concat([Buffer.from([0x80]), digest.subarray(0, 5)]);
  return { initiator, isid, key: digest.readBigUInt64BE(8) | 1n };
}

function openStore(
  world: StoreWorld,
  uri: IscsiUri,
  us: OurIdentity,
  options: OpenStoreOptions,
  done: (result: BlockStore | EterneError) => void,
): void {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, readOnly = false, mayPreempt = () => true } = options;
  const name = `iscsi://${uri.address}/${uri.target}/${uri.lun}`;
  const onClose = (): void => {}; // whoever asks next is told
  InitiatorSession.open(world, { ...uri, ...us, timeoutMs, onClose }, (session) => {
    if (session instanceof EterneError)
      return done(new EterneError(session.code, `${name}: ${session.message}`, { cause: session }));
    const lun = new RemoteLun(session, uri.lun, name, world.timers, timeoutMs);
    const refuse = (error: EterneError): void => {
      session.close();
      done(error);
    };
    readProperties(lun, (properties) => {
      if (properties instanceof EterneError) return refuse(properties);
      if (properties.blockBytes !== BLOCK_BYTES)
        return refuse(new EterneError('unsupported', `${name} has blocks of ${properties.blockBytes} bytes`));
      if (readOnly) return done(new IscsiStore(lun, properties, undefined));
      const fence = new LunFence({ lun, key: us.key, mayTakeOver: uri.preempt });
      const isAllowed = (): boolean => uri.preempt && mayPreempt();
      fence.take(isAllowed, (error) => {
        if (error !== undefined) return refuse(error);
        lun.held();
        done(new IscsiStore(lun, properties, fence));
      });
    });
  });
}

/** `stores`, which also opens iSCSI URIs. */
export function withIscsiStores(world: StoreWorld): Stores {
  return {
    open(path, options, done) {
      if (!path.startsWith('iscsi://')) return world.stores.open(path, options, done);
      let uri: IscsiUri;
      try {
        uri = parseIscsiUri(path);
      } catch (error) {
        if (!(error instanceof EterneError)) throw error;
        return world.timers.soon(() => done(error));
      }
      world.files.readFile(MACHINE_ID, (content) => {
        if (content instanceof Buffer || uri.initiator !== undefined) {
          const machineId = content instanceof Buffer ? content.toString('utf8') : '';
          return openStore(world, uri, identityFor(uri, machineId), options, done);
        }
        done(
          new EterneError('config', `this machine has no ${MACHINE_ID} to be known by`, {
            hint: 'add ?initiator=iqn.… to the URI',
          }),
        );
      });
    },
  };
}
