/** Makes a logical unit of a file or block device. */
import { EterneError } from '@eterne/base';
import type { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import type { BlockStore, World } from '@eterne/runtime';
import { identityFrom } from '../scsi/identity.ts';
import { LogicalUnit } from '../scsi/logical-unit.ts';
import { ReservationKeeper } from '../scsi/reservations/keeper.ts';
import { AtomicJournal } from './atomic-journal.ts';
import { reservationFile } from './reservation-file.ts';
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
  readonly serial: string | undefined;
}

export type LunWorld = Pick<World, 'stores' | 'files'>;

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
  world.stores.open(config.path, { readOnly: config.readOnly, ...create }, (store) => {
    if (store instanceof EterneError) return failed(store);
    if (store.sizeBytes < config.blockBytes) {
      return store.close(() => failed(new EterneError('config', `${config.path} is smaller than one block`)));
    }
    const refuse = (error: EterneError): void => store.close(() => failed(error));
    AtomicJournal.open(world.files, `${config.path}.atomic`, store, (journal) => {
      if (journal instanceof EterneError) return refuse(journal);
      ReservationKeeper.open(reservationFile(world.files, `${config.path}.reservations`), (keeper) => {
        if (keeper instanceof EterneError) return refuse(keeper);
        const device = storeDevice(`${iqn} LUN ${config.lun}`, store, config.readOnly);
        const attributes = {
          blockBytes: config.blockBytes,
          thin: config.thin,
          removable: config.removable,
          identity: identityFrom(`${iqn} ${config.lun} ${config.serial ?? ''}`, config.serial),
          memory,
          atomic: journal,
        };
        done({ unit: new LogicalUnit(config.lun, device, attributes, keeper), store, journal });
      });
    });
  });
}
