/** A virtual machine in libvirt's hands, by virsh(1). */
import { failed, RUNNING, succeeded, type CheckResult, type Hands, type Started } from '../agent.ts';
import { runCommand, type CommandResult } from '../command.ts';
import type { LibvirtDomain } from './params.ts';

const RETRY_MS = 200;
const ASK_TIMEOUT_MS = 2000;
const GUEST_SHARE = 0.8;
const WELL: readonly string[] = ['running', 'idle', 'paused', 'in shutdown', 'pmsuspended'];
const GONE = /no domain with matching name|failed to get domain|domain not found/i;

type State = { readonly name: string } | { readonly gone: true } | { readonly failure: string };

export function startDomain(hands: Hands, machine: LibvirtDomain, timeoutMs: number, done: Started): void {
  readState(hands, machine, (state) => {
    if ('name' in state && WELL.includes(state.name)) return done(succeeded());
    if ('failure' in state) return done(failed(state.failure));
    virsh(hands, machine, ['create', machine.definition], timeoutMs, ({ failure }) =>
      done(failure === '' ? succeeded() : failed(failure)),
    );
  });
}

export function checkDomain(hands: Hands, machine: LibvirtDomain, done: (result: CheckResult) => void): void {
  readState(hands, machine, (state) => {
    if ('name' in state && WELL.includes(state.name)) return done(RUNNING);
    const reason =
      'failure' in state ? state.failure : 'gone' in state ? 'it is not running' : `it is ${state.name}`;
    done({ state: 'failed', reason });
  });
}

export function findDomain(
  hands: Hands,
  machine: LibvirtDomain,
  done: (isHere: boolean | undefined) => void,
): void {
  readState(hands, machine, (state) => done('failure' in state ? undefined : 'name' in state));
}

/** The power button, then the plug. */
export function stopDomain(hands: Hands, machine: LibvirtDomain, timeoutMs: number, done: Started): void {
  const { clock, timers } = hands.world;
  const deadlineMs = clock.bootMs() + timeoutMs;
  const askUntilMs = clock.bootMs() + timeoutMs * GUEST_SHARE;
  const look = (): void =>
    readState(hands, machine, (state) => {
      if ('gone' in state) return done(succeeded());
      if (clock.bootMs() >= deadlineMs)
        return done(failed('failure' in state ? state.failure : `it is still ${state.name}`));
      if (clock.bootMs() < askUntilMs) return void timers.after(RETRY_MS, look);
      destroyDomain(hands, machine, () => timers.after(RETRY_MS, look));
    });
  virsh(hands, machine, ['shutdown', machine.domain], ASK_TIMEOUT_MS, look);
}

export function destroyDomain(hands: Hands, machine: LibvirtDomain, done: (failure: string) => void): void {
  virsh(hands, machine, ['destroy', machine.domain], ASK_TIMEOUT_MS, ({ failure }) =>
    done(GONE.test(failure) ? '' : failure),
  );
}

function readState(hands: Hands, machine: LibvirtDomain, done: (state: State) => void): void {
  virsh(hands, machine, ['domstate', machine.domain], ASK_TIMEOUT_MS, ({ stdout, failure }) => {
    if (GONE.test(failure)) return done({ gone: true });
    if (failure !== '') return done({ failure });
    const name = stdout.trim();
    done(name === 'shut off' ? { gone: true } : { name });
  });
}

function virsh(
  hands: Hands,
  { connect }: LibvirtDomain,
  args: readonly string[],
  timeoutMs: number,
  done: (result: CommandResult) => void,
): void {
  runCommand(hands, ['virsh', '--quiet', '--connect', connect, ...args], timeoutMs, done);
}
