/**
 * DIR/run/members.json: what a restarted heart goes on with until the service tells it again, `{ members, disks, profile, rhythmOnDisks, quiet }`. A heart without it only knows
 * whom its node knew when it joined. Version 1 was the list of members alone.
 */
import { EterneError } from '@eterne/base';
import type { Files, World } from '@eterne/runtime';
import type { HeartSetup } from '../heart/setup.ts';
import type { MemberAddress } from './identity.ts';
import { membersPath } from './layout.ts';

const VERSION = 2;

export function readSetup(
  files: Files,
  dir: string,
  seeds: readonly MemberAddress[],
  done: (setup: HeartSetup) => void,
): void {
  const fresh: HeartSetup = { members: seeds, disks: [] };
  files.readFile(membersPath(dir), (content) => {
    if (content instanceof EterneError || content === undefined) return done(fresh);
    done(decode(content) ?? fresh);
  });
}

/** A failure only costs a restarted heart its memory. */
export function writeSetup(world: Pick<World, 'files' | 'log'>, dir: string, setup: HeartSetup): void {
  const content = Buffer.from(JSON.stringify({ version: VERSION, ...setup }));
  world.files.writeFileAtomic(membersPath(dir), content, 0o600, (error) => {
    if (error) world.log('warn', 'cannot keep the list of members', { reason: error.message });
  });
}

function decode(content: Buffer): HeartSetup | undefined {
  try {
    const known = JSON.parse(content.toString('utf8')) as { readonly version?: unknown } & HeartSetup;
    if (known.version !== VERSION) return undefined;
    const { members, disks, profile = 'lan', rhythmOnDisks = false, quiet = false } = known;
    return { members, disks, profile, rhythmOnDisks, quiet };
  } catch {
    return undefined;
  }
}
