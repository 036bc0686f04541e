/** Persistent reservations of a mirrored volume: kept on every replica of its in-sync set, so that they move with it. */
import type { EterneError } from '@eterne/base';
import type { FrontState } from '@eterne/disk/process/front-state.ts';
import { decodeReservations, encodeReservations } from '../scsi/reservations/codec.ts';
import type { ReservationStore } from '../scsi/reservations/keeper.ts';
import { NO_RESERVATIONS } from '../scsi/reservations/state.ts';

/** `state.begin` comes first. */
export function volumeReservations(state: FrontState, volume: string): ReservationStore {
  return {
    aptplOnly: false,
    load(done) {
      const { content } = state;
      done(content.length === 0 ? NO_RESERVATIONS : decodeReservations(content, `of volume ${volume}`));
    },
    save: (reservations, done: (error: EterneError | undefined) => void) =>
      state.save(encodeReservations(reservations), done),
  };
}
