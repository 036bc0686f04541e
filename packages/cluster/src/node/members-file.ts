/**
 * DIR/run/members.json: whom a restarted heart beats to until the service tells it again. A heart without it only knows whom its node
 * knew when it joined.
 */
import { EterneError } from '@eterne/base';
import type { Files, World } from '@eterne/runtime';
import type { MemberAddress } from './identity.ts';
import { membersPath } from './layout.ts';

export function readMembers(
  files: Files,
  dir: string,
  seeds: readonly MemberAddress[],
  done: (members: readonly MemberAddress[]) => void,
): void {
  files.readFile(membersPath(dir), (content) => {
    if (content instanceof EterneError || content === undefined) return done(seeds);
    done(decode(content) ?? seeds);
  });
}

/** A failure only costs a restarted heart its memory. */
export function writeMembers(
  world: Pick<World, 'files' | 'log'>,
  dir: string,
  members: readonly MemberAddress[],
): void {
  world.files.writeFileAtomic(membersPath(dir), Buffer.from(JSON.stringify(members)), 0o600, (error) => {
    if (error) world.log('warn', 'cannot keep the list of members', { reason: error.message });
  });
}

function decode(content: Buffer): readonly MemberAddress[] | undefined {
  try {
    const members: unknown = JSON.parse(content.toString('utf8'));
    return Array.isArray(members) ? (members as MemberAddress[]) : undefined;
  } catch {
    return undefined;
  }
}
