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

test('each of two power supplies keeps its own secret, whatever else is changed', () => {
  const of = (ip: string, password: string, more: object = {}) =>
    device({ params: { ip, password, ...more } });
  const known = [of('10.0.0.8', 'first'), of('10.0.0.9', 'second')];
  const [first, second] = known.map(maskDevice);
  assert.ok(first && second);
  assert.deepEqual(unmaskDevices([first, second], known), known);
  assert.deepEqual(unmaskDevices([second, first], known), known.toReversed());
  assert.deepEqual(unmaskDevices([second], known), known.slice(1));
  const moved = of('10.0.0.19', MASK);
  assert.deepEqual(unmaskDevices([first, moved], known), [known[0], of('10.0.0.19', 'second')]);
  assert.deepEqual(unmaskDevices([moved, second], known), [of('10.0.0.19', 'first'), known[1]]);
  const plain = of('10.0.0.9', 'changed');
  assert.deepEqual(unmaskDevices([first, plain], known), [known[0], plain]);
  const third = of('10.0.0.10', MASK);
  assert.throws(() => unmaskDevices([first, second, third], known), /password is masked/);
  assert.throws(() => unmaskDevices([third, moved], known), /password is masked/);
});

test('what an agent says is shown without the secrets', () => {
  const subject = device({ params: { password: 'topsecret', ip: '10.0.0.9' } });
  assert.equal(redact('login topsecret@10.0.0.9 failed', subject), `login ${MASK}@10.0.0.9 failed`);
});
