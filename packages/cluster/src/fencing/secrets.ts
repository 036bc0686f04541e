/**
 * Which of a fence agent's parameters are secrets, and how they are kept from everybody's eyes: the configuration as shown, status, events
 * and logs never name their values. A shown document may be applied again: a masked value stands for the one that is known.
 */
import { isDeepStrictEqual } from 'node:util';
import { EterneError } from '@eterne/base';
import type { FenceDevice } from '../state/model.ts';

export const MASK = '********';

const SECRET = /pass|secret|token|community|(^|_)key($|_)|credential/i;
/** Names of files are none, although `passwd_script` and `ssh_key_file` sound so. */
const HARMLESS = /(_script|_file|_path)$|^ipport$/i;

export function isSecretParam(name: string): boolean {
  return SECRET.test(name) && !HARMLESS.test(name);
}

export function maskDevice(device: FenceDevice): FenceDevice {
  const params = Object.entries(device.params).map(([name, value]) => [
    name,
    isSecretParam(name) ? MASK : value,
  ]);
  return { ...device, params: Object.fromEntries(params) as Record<string, string> };
}

/**
 * Puts the known secrets back in where a document shows only the mask. Throws `config` where nothing is known, and where one device has become two or of two that look
 * alike (the sockets of a machine with two power supplies) none is as it was shown.
 */
export function unmaskDevices(
  devices: readonly FenceDevice[],
  known: readonly FenceDevice[],
): readonly FenceDevice[] {
  const changed = known.filter((each) => !devices.some((device) => looksAs(device, each)));
  return devices.map((device) => {
    const same =
      known.find((each) => looksAs(device, each)) ?? only(changed.filter((each) => isLike(device, each)));
    const params = Object.entries(device.params).map(([name, value]) => {
      if (value !== MASK) return [name, value];
      const secret = same?.params[name];
      if (secret === undefined)
        throw new EterneError(
          'config',
          `fencing of ${device.node}: ${name} is masked, and no value of it is known`,
        );
      return [name, secret];
    });
    return { ...device, params: Object.fromEntries(params) as Record<string, string> };
  });
}

/** Beside their secrets, masked or not. */
const looksAs = (one: FenceDevice, other: FenceDevice): boolean =>
  isDeepStrictEqual(withoutSecrets(one), withoutSecrets(other));

function withoutSecrets(device: FenceDevice): FenceDevice {
  const open = Object.entries(device.params).filter(([name]) => !isSecretParam(name));
  return { ...device, params: Object.fromEntries(open) };
}

const isLike = (one: FenceDevice, other: FenceDevice): boolean =>
  one.node === other.node && one.agent === other.agent && one.level === other.level;

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);

/** `text` with every secret of the device taken out. */
export function redact(text: string, { params }: FenceDevice): string {
  const secrets = Object.entries(params).filter(([name, value]) => isSecretParam(name) && value !== '');
  return secrets.reduce((redacted, [, value]) => redacted.replaceAll(value, MASK), text);
}
