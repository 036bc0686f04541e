/** Join tokens and accounts. */
import { unreachable } from '@eterne/base';
import type { AccessCommand, Stamp } from './commands.ts';
import type { ClusterState } from './model.ts';
import type { Outcome } from './outcome.ts';
import { accepted, refuse, withEvent } from './outcome.ts';
import { without } from './records.ts';

export const TOKENS_MAX = 64;
export const ACCOUNTS_MAX = 256;

export function applyAccess(state: ClusterState, command: Stamp & AccessCommand): Outcome {
  switch (command.kind) {
    case 'token-add':
      return addToken(state, command);
    case 'token-use':
      return useToken(state, command);
    case 'account-put':
      return putAccount(state, command);
    case 'account-remove':
      return removeAccount(state, command);
    default:
      return unreachable(command);
  }
}

type Of<Kind extends AccessCommand['kind']> = Stamp & Extract<AccessCommand, { kind: Kind }>;

function addToken(state: ClusterState, command: Of<'token-add'>): Outcome {
  const live = Object.entries(state.tokens).filter(([, token]) => token.expiresAtMs > command.atMs);
  if (live.length >= TOKENS_MAX)
    return refuse(state, 'refused', `${TOKENS_MAX} join tokens are waiting to be used already`);
  return accepted({ ...state, tokens: { ...Object.fromEntries(live), [command.hash]: command.token } });
}

function useToken(state: ClusterState, command: Of<'token-use'>): Outcome {
  const token = state.tokens[command.hash];
  if (!token || token.expiresAtMs <= command.atMs)
    return refuse(state, 'unauthorized', 'the join token is unknown, used or expired');
  return accepted({ ...state, tokens: without(state.tokens, command.hash) });
}

function putAccount(state: ClusterState, command: Of<'account-put'>): Outcome {
  const { account } = command;
  if (!state.accounts[account.name] && Object.keys(state.accounts).length >= ACCOUNTS_MAX)
    return refuse(state, 'refused', `there are ${ACCOUNTS_MAX} accounts already`);
  const next = { ...state, accounts: { ...state.accounts, [account.name]: account } };
  return accepted(
    withEvent(next, command, {
      level: 'info',
      code: 'account.changed',
      message: `account ${account.name} (${account.role}) saved`,
    }),
  );
}

function removeAccount(state: ClusterState, command: Of<'account-remove'>): Outcome {
  if (!state.accounts[command.name]) return refuse(state, 'not-found', `no account ${command.name}`);
  const next = { ...state, accounts: without(state.accounts, command.name) };
  return accepted(
    withEvent(next, command, {
      level: 'info',
      code: 'account.removed',
      message: `account ${command.name} removed`,
    }),
  );
}
