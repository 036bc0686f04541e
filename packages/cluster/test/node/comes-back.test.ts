/** By stand-ins of systemctl and runlevel, in the words of the real ones: nothing here is run by systemd. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { comesBack, isComingBack, unitOf } from '../../src/node/comes-back.ts';

const REBOOTING = `  1189 shutdown.target              start waiting
1190 eterne-node.service          stop  running
1188 systemd-reboot.service       start waiting
1187 reboot.target                start waiting
`;
const POWERING_OFF = REBOOTING.replaceAll('reboot', 'poweroff');
const STOPPING = '2001 eterne-node.service stop running\n';
const RESTARTING = '2002 eterne-node.service restart running\n';

test('a reboot and a restart of its own unit bring it back, nothing else does', () => {
  const unit = 'eterne-node.service';
  assert.equal(isComingBack(REBOOTING, unit), true);
  assert.equal(isComingBack(REBOOTING.replaceAll('reboot', 'kexec'), unit), true);
  assert.equal(isComingBack(REBOOTING.replaceAll('reboot', 'soft-reboot'), unit), true);
  assert.equal(isComingBack(POWERING_OFF, unit), false);
  assert.equal(isComingBack(STOPPING, unit), false);
  assert.equal(isComingBack(RESTARTING, unit), true);
  assert.equal(isComingBack(RESTARTING, undefined), false);
  assert.equal(isComingBack(RESTARTING, 'another.service'), false);
  assert.equal(isComingBack('3 reboot.target stop waiting\n', unit), false);
  assert.equal(isComingBack('', unit), false);
});

test('the unit is the last of the group’s path', () => {
  assert.equal(unitOf('0::/system.slice/eterne-node.service\n'), 'eterne-node.service');
  assert.equal(unitOf('0::/system.slice/eterne@a.service/payload\n'), 'eterne@a.service');
  assert.equal(unitOf('3:cpu:/\n1:name=systemd:/system.slice/eterne-node.service\n'), 'eterne-node.service');
  assert.equal(unitOf('0::/user.slice/user-0.slice/session-1.scope\n'), undefined);
  assert.equal(unitOf(''), undefined);
});

function machineSays(context: TestContext, tools: Readonly<Record<string, string>>): Promise<boolean> {
  const bin = mkdtempSync(join(tmpdir(), 'eterne-bin-'));
  const path = process.env['PATH'] ?? '';
  context.after(() => {
    process.env['PATH'] = path;
    rmSync(bin, { recursive: true });
  });
  for (const [name, script] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  process.env['PATH'] = `${bin}${delimiter}${path}`;
  return new Promise((resolve) => comesBack(createNodeWorld('test'), resolve));
}

test('systemd is asked', async (context) => {
  assert.equal(
    await machineSays(context, { systemctl: `cat <<'END'\n${REBOOTING}END`, runlevel: 'exit 1' }),
    true,
  );
  assert.equal(
    await machineSays(context, { systemctl: `cat <<'END'\n${POWERING_OFF}END`, runlevel: 'echo N 6' }),
    false,
  );
});

test('without systemd the runlevel is, and without either nobody knows', async (context) => {
  const systemctl = 'echo "System has not been booted with systemd" >&2; exit 1';
  assert.equal(await machineSays(context, { systemctl, runlevel: 'echo "5 6"' }), true);
  assert.equal(await machineSays(context, { systemctl, runlevel: 'echo "N 0"' }), false);
  assert.equal(await machineSays(context, { systemctl, runlevel: 'echo unknown; exit 1' }), false);
  assert.equal(await machineSays(context, { systemctl: 'sleep 5', runlevel: 'exit 1' }), false);
});
