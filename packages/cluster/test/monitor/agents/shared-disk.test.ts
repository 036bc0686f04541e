/**
 * A disk of several nodes: the lock for real; the SCSI-3 reservation against a stand-in of sg_persist that keeps one LUN's registrations in a file. The
 * real one, on SCSI disks: test/conformance/kernel/shared-disk.test.ts.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sharedDiskAgent } from '../../../src/monitor/agents/shared-disk/agent.ts';
import { makeHands } from '../hands.ts';
import { Subject, well } from './subject.ts';

const hasFlock = spawnSync('sh', ['-c', 'command -v flock']).status === 0;

test('one node at a time holds the lock', { skip: !hasFlock && 'needs flock' }, async (context) => {
  const [one, other] = [await makeHands(context), await makeHands(context)];
  const device = join(one.dir, 'disk');
  writeFileSync(device, '');
  const [mine, theirs] = [one, other].map(
    (hands) => new Subject(hands, sharedDiskAgent, { device, fence: 'lock' }),
  );
  assert(mine && theirs);
  context.after(() => Promise.all([mine.stop(), theirs.stop()]));
  assert.deepEqual((await well(mine.start())).outputs, { device });
  await well(mine.start());
  assert.equal((await mine.check()).state, 'running');
  assert.match((await theirs.start()).reason, /locked by somebody else/);
  assert.equal((await theirs.check()).state, 'failed');
  await well(mine.stop());
  await well(theirs.start());
  assert.equal((await mine.check()).state, 'failed');
});

/** The parts of SPC-4 §5.12 that matter here, by the options and in the words of sg_persist(8). The table: holder, then one registered key a line. */
const SG_PERSIST = `#!/bin/sh
set -u
for word in "$@"; do
  case "$word" in
    --param-rk=*) rk=\${word#*=} ;;
    --param-sark=*) sark=\${word#*=} ;;
    --prout-type=*) type=\${word#*=} ;;
    /*) table=$word ;;
  esac
done
touch "$table"
holder=$(sed -n 1p "$table")
registered() { sed 1d "$table" | grep -qx "$1"; }
conflict() { echo 'PR out: Reservation conflict' >&2; exit 24; }
drop() { grep -vx "$1" "$table" >"$table.new" || true; mv "$table.new" "$table"; }
case "$*" in
  *--read-keys*) echo '  PR generation=0x1, 1 registered reservation key follows:'; sed 1d "$table" | sed 's/^/    /' ;;
  *--read-reservation*)
    if [ "$holder" = none ] || [ -z "$holder" ]; then echo '  PR generation=0x1, there is NO reservation held'
    else printf '  PR generation=0x1, Reservation follows:\\n    Key=%s\\n    scope: LU_SCOPE,  type: Write Exclusive, registrants only\\n' "$holder"; fi ;;
  *--register-ignore*) [ -s "$table" ] || echo none >"$table"; registered "$sark" || echo "$sark" >>"$table" ;;
  *--register*) registered "$rk" || conflict; drop "$rk"; [ -s "$table" ] || echo none >"$table" ;;
  *--reserve*) registered "$rk" || conflict; [ "$holder" = none ] || [ "$holder" = "$rk" ] || conflict; sed -i "1s/.*/$rk/" "$table" ;;
  *--release*) registered "$rk" || conflict; [ "$holder" = "$rk" ] && sed -i '1s/.*/none/' "$table"; true ;;
  *--preempt-abort*) registered "$rk" || conflict; was=$holder; { [ "$was" = "$sark" ] && echo "$rk" || echo "$was"; sed 1d "$table" | grep -vx "$sark"; } >"$table.new"; mv "$table.new" "$table" ;;
  *) exit 1 ;;
esac
`;

async function node(context: TestContext, name: string, device: string): Promise<Subject<unknown>> {
  const hands = await makeHands(context);
  writeFileSync(join(hands.dir, 'node.json'), JSON.stringify({ clusterId: 'c', node: name }));
  return new Subject(hands, sharedDiskAgent, { device });
}

test('a reservation is taken, seen to be lost, and preempted from who had it', async (context) => {
  const { dir } = await makeHands(context);
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'sg_persist'), SG_PERSIST);
  chmodSync(join(bin, 'sg_persist'), 0o755);
  const path = process.env['PATH'] ?? '';
  process.env['PATH'] = `${bin}${delimiter}${path}`;
  context.after(() => (process.env['PATH'] = path));
  const device = join(dir, 'lun');
  const [n1, n2] = [await node(context, 'n1', device), await node(context, 'n2', device)];
  const registered = (): readonly string[] => readFileSync(device, 'utf8').trim().split('\n').slice(1);
  assert.match((await n1.check()).reason, /is not reserved any more/);
  assert.deepEqual((await well(n1.start())).outputs, { device });
  await well(n1.start());
  assert.equal((await n1.check()).state, 'running');
  const [key] = registered();
  assert.match(key ?? '', /^0xe7[0-9a-f]{14}$/);
  writeFileSync(device, `${readFileSync(device, 'utf8')}0xdead\n`);
  await well(n2.start());
  assert.equal(registered().length, 1, 'whoever else was registered is expelled');
  assert.equal((await n2.check()).state, 'running');
  assert.match((await n1.check()).reason, /is reserved by 0xe7/);
  assert.deepEqual([await n1.find(), await n2.find()], [false, true]);
  await well(n1.stop());
  assert.equal((await n2.check()).state, 'running', 'who has lost it takes nothing with him');
  await well(n2.stop());
  assert.deepEqual(registered(), []);
  await well(n2.stop());
  await well(n1.start());
  assert.equal(await n1.abandon(), '');
  assert.deepEqual(registered(), []);
});
