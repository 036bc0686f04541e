/** A real file system that is full, under one member's log: that member falls silent, and the others go on; with room it takes part again. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { embeddedBed, MEMBERS, until, type Member } from '../contract/beds.ts';

const FULL = 'n3';

/** A mount of 1 MiB, or undefined where that is not allowed. */
function mountSmall(): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'eterne-full-'));
  const options = ['-t', 'tmpfs', '-o', 'size=1m', 'none', path];
  if (spawnSync('mount', options).status === 0) return path;
  rmSync(path, { recursive: true });
  return undefined;
}

/** Fills it to the last page. */
function fill(path: string): void {
  for (const size of [65_536, 4096])
    for (let i = 0; ; i += 1)
      try {
        writeFileSync(join(path, `fill-${size}-${i}`), Buffer.alloc(size));
      } catch {
        break;
      }
}

const small = mountSmall();

test(
  'a full disk under the log stops that member from voting, and nothing else',
  { skip: small === undefined && 'needs root, to mount a tmpfs', timeout: 120_000 },
  async (context) => {
    assert.ok(small !== undefined);
    context.after(() => {
      spawnSync('umount', ['--lazy', small]);
      rmSync(small, { recursive: true, force: true });
    });
    const bed = await embeddedBed(new Map([[FULL, small]]));
    const members = new Map<string, Member>();
    for (const id of MEMBERS) members.set(id, await bed.start(id));
    context.after(async () => {
      for (const member of members.values()) await member.stop();
      await bed.close();
    });
    const of = (id: string): Member => members.get(id) ?? assert.fail(id);
    const append = (id: string, command: string): Promise<string> =>
      new Promise((resolve) => of(id).log.append(command, ({ kind }) => resolve(kind)));
    const isQuorate = (id: string): boolean => of(id).log.leadership().quorate;
    await until('all are quorate', () => MEMBERS.every(isQuorate));

    fill(small);
    assert.equal(await append('n1', 'x'.repeat(200_000)), 'applied', 'two of three disks are enough');
    await until('the full one is silent', () => {
      const { quorate, isLeader } = of(FULL).log.leadership();
      return !quorate && !isLeader;
    });
    await until('the others have a leader', () => isQuorate('n1') && isQuorate('n2'));
    for (let i = 0; i < 5; i += 1) assert.equal(await append('n2', `without it ${i}`), 'applied');

    for (const size of [65_536, 4096])
      for (let i = 0; i < 300; i += 1) rmSync(join(small, `fill-${size}-${i}`), { force: true });
    await until('it takes part again', () => isQuorate(FULL));
    await until('and has everything', () => of(FULL).applied.length === of('n1').applied.length);
    assert.deepEqual(of(FULL).applied, of('n1').applied);
  },
);
