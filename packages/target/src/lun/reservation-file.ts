/** Persistent reservations in a file beside the LUN; see `scsi/reservations/codec.ts` for its content. */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { decodeReservations, encodeReservations } from '../scsi/reservations/codec.ts';
import type { ReservationStore } from '../scsi/reservations/keeper.ts';
import { NO_RESERVATIONS } from '../scsi/reservations/state.ts';

const PRIVATE_MODE = 0o600;

export function reservationFile(files: Files, path: string): ReservationStore {
  return {
    aptplOnly: true,
    load(done) {
      files.readFile(path, (content) => {
        if (content === undefined) return done(NO_RESERVATIONS);
        done(content instanceof EterneError ? content : decodeReservations(content, path));
      });
    },
    save(state, done) {
      if (state.aptpl) files.writeFileAtomic(path, encodeReservations(state), PRIVATE_MODE, done);
      else files.remove(path, done);
    },
  };
}
