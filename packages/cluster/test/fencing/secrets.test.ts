import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSecretParam, MASK, maskDevice, redact, unmaskDevices } from '../../src/fencing/secrets.ts';
import { device } from './device.ts';

test('secrets are known by their names; names of files are none', () => {
  for (const name of ['password', 'passwd', 'snmp_priv_passwd', 'secret_key', 'token', 'community', 'key'])
    assert(isSecretParam(name), name);
  for (const name of ['ip', 'username', 'plug', 'passwd_script', 'identity_file', 'ssh_key_path', 'keyboard'])
    assert(!isSecretParam(name), name);
});

test('a masked document may be applied again', () => {
  const known = device({ params: { ip: '10.0.0.9', password: 'topsecret' } });
  const shown = maskDevice(known);
  assert.deepEqual(shown.params, { ip: '10.0.0.9', password: MASK });
  assert.deepEqual(unmaskDevices([shown], [known]), [known]);
  assert.throws(() => unmaskDevices([shown], []), /password is masked/);
});

test('what an agent says is shown without the secrets', () => {
  const subject = device({ params: { password: 'topsecret', ip: '10.0.0.9' } });
  assert.equal(redact('login topsecret@10.0.0.9 failed', subject), `login ${MASK}@10.0.0.9 failed`);
});
