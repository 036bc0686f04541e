/** Network interfaces as iproute2 shows them. */
import { EterneError } from '@eterne/base';
import type { Hands } from '../agent.ts';
import { runCommand, type Command } from '../command.ts';

const READ_TIMEOUT_MS = 1000;

export interface LinkRow {
  readonly ifname: string;
  readonly flags: readonly string[];
}

export type LinksDone = (links: readonly LinkRow[] | EterneError) => void;

/** Switched on, and with a carrier. */
export const isUp = ({ flags }: LinkRow): boolean => flags.includes('UP') && flags.includes('LOWER_UP');

/** Rows of iproute2's JSON; interfaces that do not match stand there as empty objects, in older versions nothing at all. */
export function readLinks(
  hands: Pick<Hands, 'world'>,
  command: Command,
  done: LinksDone,
  timeoutMs = READ_TIMEOUT_MS,
): void {
  runCommand(hands, command, timeoutMs, ({ stdout, failure }) =>
    done(failure === '' ? parseLinks(stdout.trim() === '' ? '[]' : stdout) : new EterneError('io', failure)),
  );
}

function parseLinks(output: string): readonly LinkRow[] | EterneError {
  try {
    const rows = JSON.parse(output) as Partial<LinkRow>[];
    return rows.flatMap(({ ifname, flags }) =>
      ifname === undefined ? [] : [{ ifname, flags: flags ?? [] }],
    );
  } catch {
    return new EterneError('protocol', `ip: not JSON: ${output.slice(0, 80)}`);
  }
}
