/**
 * A LUN by its URI, as libiscsi and QEMU write it:
 * `iscsi://[USER[%PASSWORD]@]HOST[:PORT]/TARGET/LUN[?header_digest=crc32c&data_digest=crc32c&initiator=IQN&preempt=yes]`.
 * `initiator`: our name, where two of us on one machine must be told apart. `preempt`: take the LUN over from whoever holds it.
 */
import { EterneError } from '@eterne/base';
import type { Address } from '@eterne/runtime';

export const ISCSI_PORT = 3260;

export interface IscsiUri {
  readonly address: Address;
  readonly target: string;
  readonly lun: number;
  readonly chap: { readonly user: string; readonly password: string } | undefined;
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
  readonly initiator: string | undefined;
  readonly preempt: boolean;
}

const URI =
  /^iscsi:\/\/(?:([^@%/]+)(?:%([^@/]*))?@)?(\[[0-9a-fA-F:.]+\]|[^:/@]+)(?::(\d{1,5}))?\/([^/?]{1,223})\/(\d{1,5})(?:\?(.*))?$/;
const OPTIONS = new Set(['header_digest', 'data_digest', 'initiator', 'preempt']);
const MAX_LUN = 0x3fff;

/** Throws `config`; the message never shows the password. */
export function parseIscsiUri(text: string): IscsiUri {
  const match = URI.exec(text);
  const options = new URLSearchParams(match?.[7] ?? '');
  const unknown = [...options.keys()].find((key) => !OPTIONS.has(key));
  const lun = Number(match?.[6]);
  if (match === null || unknown !== undefined || lun > MAX_LUN)
    throw new EterneError(
      'config',
      `not an iSCSI URI${unknown === undefined ? '' : `: unknown ${unknown}`}`,
      {
        hint: 'write for example iscsi://10.0.0.1:3260/iqn.2026-11.io.eterne:t1/1',
      },
    );
  const [, user, password = '', host = '', port = String(ISCSI_PORT), target = ''] = match;
  return {
    address: `${host}:${port}`,
    target,
    lun,
    chap: user === undefined ? undefined : { user, password },
    headerDigest: /^crc32c$/i.test(options.get('header_digest') ?? ''),
    dataDigest: /^crc32c$/i.test(options.get('data_digest') ?? ''),
    initiator: options.get('initiator') ?? undefined,
    preempt: options.get('preempt') === 'yes',
  };
}
