/** Makes a logical unit of a file or block device. */
import { EterneError } from '@eterne/base';
import type { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import type { BlockStore, World } from '@eterne/runtime';
import { identityFrom } from '../scsi/identity.ts';
import { LogicalUnit } from '../scsi/logical-unit.ts';
import { ReservationKeeper } from '../scsi/reservations/keeper.ts';
import type { SanitizeRecord } from '../scsi/sanitize/record.ts';
import type { SanitizeSite } from '../scsi/sanitize/sanitizer.ts';
import { AtomicJournal } from './atomic-journal.ts';
import { reservationFile } from './reservation-file.ts';
import { loadSanitize, sanitizeFile } from './sanitize-file.ts';
import { storeDevice } from './store-device.ts';

export interface LunConfig {
  readonly lun: number;
  readonly path: string;
  /** Of a file that is created or grown; absent: the path exists and has its size. */
  readonly sizeBytes: number | undefined;
  readonly readOnly: boolean;
  readonly thin: boolean;
  readonly removable: boolean;
  readonly blockBytes: 512 | 4096;
  /** What initiators are told that writes should be multiples of: 4096 with blocks of 512 is a "512e" disk. A power of two. */
  readonly physicalBlockBytes: number;
  readonly serial: string | undefined;
  readonly sanitize: Pick<SanitizeSite, 'offers' | 'bytesPerSecond'>;
  /** Nobody else is served by this thread, so its store may be waited for. */
  readonly alone?: boolean;
}

export type LunWorld = Pick<World, 'stores' | 'files' | 'timers' | 'clock'>;

export interface OpenLun {
  readonly unit: LogicalUnit;
  readonly store: BlockStore;
  readonly journal: AtomicJournal;
}

export function openLun(
  world: LunWorld,
  memory: BufferSlabs,
  iqn: string,
  config: LunConfig,
  done: (result: OpenLun | EterneError) => void,
): void {
  const failed = (error: EterneError): void =>
    done(new EterneError(error.code, `LUN ${config.lun} of ${iqn}: ${error.message}`, { cause: error }));
  const create = config.sizeBytes === undefined ? {} : { createSizeBytes: config.sizeBytes };
  const options = { readOnly: config.readOnly, shared: config.alone !== true, ...create };
  world.stores.open(config.path, options, (store) => {
    if (store instanceof EterneError) return failed(store);
    if (store.sizeBytes < config.blockBytes) {
      return store.close(() => failed(new EterneError('config', `${config.path} is smaller than one block`)));
    }
    const refuse = (error: EterneError): void => store.close(() => failed(error));
    openState(world, store, config, (state) => {
      if (state instanceof EterneError) return refuse(state);
      const { journal, keeper, found } = state;
      const { path, blockBytes, physicalBlockBytes, thin, removable, serial, sanitize } = config;
      const { timers, clock, files } = world;
      const device = storeDevice(`${iqn} LUN ${config.lun}`, store, config.readOnly);
      const attributes = {
        blockBytes,
        physicalBlockBytes,
        thin,
        removable,
        identity: identityFrom(`${iqn} ${config.lun} ${serial ?? ''}`, serial),
        soon: (fire: () => void) => timers.soon(fire),
        memory,
        atomic: journal,
        sanitize: { ...sanitize, timers, clock, store: sanitizeFile(files, `${path}.sanitize`), found },
      };
      const unit = new LogicalUnit(config.lun, device, attributes, keeper);
      unit.sanitizer?.resume();
      done({ unit, store, journal });
    });
  });
}

interface LunState {
  readonly journal: AtomicJournal;
  readonly keeper: ReservationKeeper;
  readonly found: SanitizeRecord | undefined;
}

/** What is kept beside the LUN. */
function openState(
  { files }: LunWorld,
  store: BlockStore,
  { path, readOnly }: LunConfig,
  done: (state: LunState | EterneError) => void,
): void {
  AtomicJournal.open(files, `${path}.atomic`, store, (journal) => {
    if (journal instanceof EterneError) return done(journal);
    ReservationKeeper.open(reservationFile(files, `${path}.reservations`), (keeper) => {
      if (keeper instanceof EterneError) return done(keeper);
      loadSanitize(files, `${path}.sanitize`, (found) => {
        if (found instanceof EterneError) done(found);
        else if (found !== undefined && readOnly)
          done(new EterneError('config', `${path} is being sanitized, which needs it to be writable`));
        else done({ journal, keeper, found });
      });
    });
  });
}
