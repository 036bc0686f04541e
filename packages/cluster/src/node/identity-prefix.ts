/** The words before a command that make it run as whom it was given, and within its limits. util-linux: setpriv, prlimit. */
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';

/** Changes identity; with `--pdeathsig` it also asks the kernel for SIGKILL when the parent dies, since the change would forget an earlier such wish. */
const SETPRIV = '/usr/bin/setpriv';
const PRLIMIT = '/usr/bin/prlimit';
const LOOK_UP_TIMEOUT_MS = 5000;

export interface RunAs {
  /** User name or number; absent: whoever runs Eterne. */
  readonly user?: string;
  /** Group names or numbers, the primary one first; absent: the user's own. */
  readonly groups?: readonly string[];
  /** prlimit(1): `nofile`, `nproc`, `core`, `as` … → the limit. */
  readonly limits?: Readonly<Record<string, string>>;
}

/** `options` of setpriv come first. */
export function identityPrefix(
  { processes }: Pick<World, 'processes'>,
  as: RunAs,
  options: readonly string[],
  done: (prefix: readonly string[] | EterneError) => void,
): void {
  const { user, groups } = as;
  if (user === undefined || groups !== undefined) return done(prefixOf(as, groups, options));
  const command = ['/usr/bin/id', '-g', '--', user] as const;
  processes.spawn({ command, timeoutMs: LOOK_UP_TIMEOUT_MS }, (exit) => {
    if (exit.code !== 0) return done(new EterneError('config', `there is no user ${JSON.stringify(user)}`));
    done(prefixOf(as, [exit.stdout.trim()], options));
  });
}

/** Limits first: only root may raise them. */
function prefixOf(
  { user, limits }: RunAs,
  groups: readonly string[] | undefined,
  options: readonly string[],
): readonly string[] {
  const [primary, ...others] = groups ?? [];
  const identity = [
    ...options,
    ...(user === undefined ? [] : ['--reuid', user]),
    ...(primary === undefined ? [] : ['--regid', primary]),
    ...supplementary(user, others),
  ];
  const bounds = Object.entries(limits ?? {}).map(([name, limit]) => `--${name}=${limit}`);
  return [
    ...(bounds.length === 0 ? [] : [PRLIMIT, ...bounds]),
    ...(identity.length === 0 ? [] : [SETPRIV, ...identity, '--']),
  ];
}

function supplementary(user: string | undefined, others: readonly string[]): readonly string[] {
  if (others.length > 0) return ['--groups', others.join(',')];
  return user === undefined ? [] : ['--init-groups'];
}
