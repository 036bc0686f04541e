/**
 * `systemd:UNIT`: a service of the machine's systemd. It should not be enabled there, or systemd starts it at boot on every node.
 *
 *   check: { interval, timeout }
 *
 * Its processes are systemd's, not ours: when a lease has lapsed the monitor has systemd kill them.
 */
import { EterneError } from '@eterne/base';
import type { Fields } from '../../../node/fields.ts';
import { failed, missing, RUNNING, succeeded, type Agent } from '../agent.ts';
import { runCommand } from '../command.ts';

const UNIT = /^systemd:([A-Za-z0-9:_.@\\-]{1,255})$/;
const INTERVAL_MS_DEFAULT = 2000;
const TIMEOUT_MS_DEFAULT = 5000;
const KILL_TIMEOUT_MS = 2000;
/** systemctl(1): there is no such unit. */
const NO_UNIT = 5;
/** The unit is not active. */
const NOT_ACTIVE = 3;
/** It is not active, and yet something of it runs: until it has stopped, or between two tries to start it. */
const UNDER_WAY: readonly string[] = ['activating', 'deactivating'];

export interface SystemdParams {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Undefined for what is not of this kind. Throws `config` for a name that is none. */
export function parseUnit(type: string): string | undefined {
  if (!type.startsWith('systemd:')) return undefined;
  const unit = UNIT.exec(type)?.[1];
  if (unit === undefined || unit.startsWith('-'))
    throw new EterneError('config', `not a systemd unit: ${JSON.stringify(type)}`, {
      hint: 'write for example systemd:nginx',
    });
  return unit.includes('.') ? unit : `${unit}.service`;
}

export function systemdAgent(unit: string): Agent<SystemdParams> {
  return {
    type: `systemd:${unit}`,
    parse: parseParams,
    start(hands, _job, timeoutMs, done) {
      runCommand(hands, ['systemctl', 'start', unit], timeoutMs, ({ code, failure }) => {
        if (failure === '') return done(succeeded());
        done(code === NO_UNIT ? missing(failure) : failed(failure));
      });
    },
    stop(hands, _job, timeoutMs, done) {
      runCommand(hands, ['systemctl', 'stop', unit], timeoutMs, ({ failure }) =>
        done(failure === '' ? succeeded() : failed(failure)),
      );
    },
    checks: ({ intervalMs, timeoutMs }) => [{ name: 'quick', intervalMs, timeoutMs }],
    check(hands, { params }, _check, done) {
      runCommand(hands, ['systemctl', 'is-active', unit], params.timeoutMs, ({ code, failure }) => {
        if (code === 0) return done(RUNNING);
        done({ state: 'failed', reason: code === NOT_ACTIVE ? `${unit} is not active` : failure });
      });
    },
    find(hands, _job, timeoutMs, done) {
      runCommand(hands, ['systemctl', 'is-active', unit], timeoutMs, ({ code, stdout }) =>
        done(code === null ? undefined : code === 0 || UNDER_WAY.includes(stdout.trim())),
      );
    },
    /** Kill first: a stop would run the unit's own commands, and wait for them. Then the stop, or systemd may start it again. */
    abandon(hands, _job, done) {
      runCommand(hands, ['systemctl', 'kill', '--signal=SIGKILL', unit], KILL_TIMEOUT_MS, () =>
        runCommand(hands, ['systemctl', 'stop', unit], KILL_TIMEOUT_MS, ({ failure }) => done(failure)),
      );
    },
  };
}

function parseParams(fields: Fields): SystemdParams {
  const check = fields.optional('check', (name) => fields.object(name), undefined);
  const read = (name: string, otherwise: number): number =>
    check?.optional(name, () => check.durationMs(name), otherwise) ?? otherwise;
  const params = {
    intervalMs: read('interval', INTERVAL_MS_DEFAULT),
    timeoutMs: read('timeout', TIMEOUT_MS_DEFAULT),
  };
  check?.end();
  return params;
}
