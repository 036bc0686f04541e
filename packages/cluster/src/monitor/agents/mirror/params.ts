import { ATTACH_CHOICES, type AttachChoice } from '@eterne/disk/attach/choose.ts';
import type { Fields } from '../../../node/fields.ts';
import { NAME } from '../../../node/identity.ts';

export interface MirrorParams {
  readonly volume: string;
  readonly attach: 'none' | AttachChoice;
}

export function parseMirrorParams(fields: Fields): MirrorParams {
  return {
    volume: fields.matching('volume', NAME),
    attach: fields.optional('attach', (name) => fields.oneOf(name, ['none', ...ATTACH_CHOICES]), 'none'),
  };
}
