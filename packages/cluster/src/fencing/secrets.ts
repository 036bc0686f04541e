/**
 * Which of a fence agent's parameters are secrets, and how they are kept from everybody's eyes: the configuration as shown, status, events
 * and logs never name their values. A shown document may be applied again: a masked value stands for the one that is known.
 */
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

/** Puts the known secrets back in where a document shows only the mask. Throws `config` where nothing is known. */
export function unmaskDevices(
  devices: readonly FenceDevice[],
  known: readonly FenceDevice[],
): readonly FenceDevice[] {
  return devices.map((device) => {
    const same = known.find(
      ({ node, agent, level }) => node === device.node && agent === device.agent && level === device.level,
    );
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

/** `text` with every secret of the device taken out. */
export function redact(text: string, { params }: FenceDevice): string {
  const secrets = Object.entries(params).filter(([name, value]) => isSecretParam(name) && value !== '');
  return secrets.reduce((redacted, [, value]) => redacted.replaceAll(value, MASK), text);
}
