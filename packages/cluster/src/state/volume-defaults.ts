/** What a volume is like where its document says nothing, and where it was written before there was anything to say. */
import { settingsOf, settingsShape } from '@eterne/disk/process/config-settings.ts';
import * as z from 'zod';
import type { VolumeSpec } from './model.ts';

/** Of what an asynchronous replica would lose, and of what copies overwrite, so much is kept. */
export const RESCUE_BYTES = 10 * 1024 * 1024 * 1024;

export const PLAIN_VOLUME: Pick<
  VolumeSpec,
  'onDiskError' | 'asyncTakeover' | 'settings' | 'rescueJournal' | 'exports' | 'parts'
> = {
  onDiskError: 'serve-from-peer',
  asyncTakeover: 'operator',
  settings: settingsOf(z.object(settingsShape).parse({})),
  rescueJournal: null,
  exports: [],
  parts: [],
};
