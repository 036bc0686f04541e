/** A virtual machine: a real QEMU where there is one (without a guest, which cannot answer its power button); libvirt by a stand-in of virsh. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { checkResourceParams } from '../../../src/monitor/agents/registry.ts';
import { vmAgent } from '../../../src/monitor/agents/vm/agent.ts';
import { makeHands } from '../hands.ts';
import { Subject, well } from './subject.ts';

const QEMU = 'qemu-system-x86_64';
const hasQemu = spawnSync('sh', ['-c', `command -v ${QEMU}`]).status === 0;

test(
  'QEMU starts, answers over QMP, and is switched off when its guest does not go down',
  { skip: !hasQemu && `needs ${QEMU}` },
  async (context) => {
    const hands = await makeHands(context);
    const disk = join(hands.dir, 'disk.img');
    writeFileSync(disk, Buffer.alloc(1 << 20));
    const subject = new Subject(
      hands,
      vmAgent,
      {
        qemu: [
          QEMU,
          '-display',
          'none',
          '-m',
          '32',
          '-nodefaults',
          '-drive',
          `file=${disk},format=raw,if=virtio`,
        ],
      },
      3000,
    );
    context.after(() => subject.abandon());
    const { outputs } = await well(subject.start());
    assert(existsSync(outputs['qmp'] ?? ''));
    assert.equal((await subject.check()).state, 'running');
    await well(subject.stop());
    assert.deepEqual(await subject.check(), { state: 'failed', reason: 'its process has ended' });
  },
);

test(
  'a QEMU that cannot start says where to look',
  { skip: !hasQemu && `needs ${QEMU}` },
  async (context) => {
    const hands = await makeHands(context);
    const result = await new Subject(hands, vmAgent, { qemu: [QEMU, '-no-such-option'] }).start();
    assert.match(result.reason, /ended at once; see .*\.log/);
  },
);

/** virsh as far as the agent uses it: a domain's state in a file, going down one question after the power button. */
const VIRSH = `#!/bin/sh
shift 3
state="$STATE_FILE"
case "$1" in
  domstate)
    [ -f "$state" ] || { echo 'error: failed to get domain' >&2; exit 1; }
    cat "$state"
    [ "$(cat "$state")" = 'in shutdown' ] && rm "$state"; true ;;
  create) [ -f "$2" ] || { echo "error: Failed to open file '$2'" >&2; exit 1; }; echo running >"$state" ;;
  shutdown) [ -f "$state" ] && [ ! -f "$state.deaf" ] && echo 'in shutdown' >"$state" ;;
  destroy) rm -f "$state" ;;
esac
`;

test('a libvirt domain is created, watched, shut down, and destroyed when it is deaf', async (context) => {
  const hands = await makeHands(context);
  const bin = join(hands.dir, 'bin');
  const [definition, state] = [join(hands.dir, 'vm.xml'), join(hands.dir, 'state')];
  mkdirSync(bin);
  writeFileSync(join(bin, 'virsh'), VIRSH.replaceAll('$STATE_FILE', state));
  chmodSync(join(bin, 'virsh'), 0o755);
  const path = process.env['PATH'] ?? '';
  process.env['PATH'] = `${bin}${delimiter}${path}`;
  context.after(() => (process.env['PATH'] = path));
  const subject = new Subject(hands, vmAgent, { domain: 'vm1', definition }, 2000);
  assert.match((await subject.start()).reason, /Failed to open file/);
  writeFileSync(definition, '<domain/>');
  assert.equal((await subject.check()).reason, 'it is not running');
  await well(subject.start());
  await well(subject.start());
  assert.equal((await subject.check()).state, 'running');
  assert.equal(await subject.find(), true);
  writeFileSync(state, 'crashed\n');
  assert.equal((await subject.check()).reason, 'it is crashed');
  await well(subject.start());
  await well(subject.stop());
  assert.equal(existsSync(state), false);
  await well(subject.start());
  writeFileSync(`${state}.deaf`, '');
  await well(subject.stop());
  assert.equal(existsSync(state), false);
  await well(subject.start());
  assert.equal(await subject.abandon(), '');
  assert.equal(existsSync(state), false);
  assert.equal(await subject.find(), false);
});

test('what a vm may not be', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{}, /either qemu or a domain/],
    [{ qemu: ['q', '-daemonize'] }, /runs in the foreground/],
    [{ domain: 'a', definition: 'relative.xml' }, /definition must match/],
    [{ domain: '--all', definition: '/x' }, /domain must match/],
  ];
  for (const [params, message] of wrong) assert.throws(() => checkResourceParams('vm', params), message);
});
