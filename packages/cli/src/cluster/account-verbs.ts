/** `eterne account …`: who may use the API and the console. */
import { EterneError } from '@eterne/base';
import { accountList, apiToken } from '@eterne/cluster/api/schema/access.ts';
import { settle } from '@eterne/cluster/pki/settle.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { type Command, Option } from 'commander';
import { openSession, type Session, withConnection } from './session.ts';
import { table } from './table.ts';

const ACCOUNTS = '/api/v1/accounts';
const pathOf = (name: string) => `${ACCOUNTS}/${encodeURIComponent(name)}`;

interface SetOptions {
  readonly role?: string;
  readonly passwordFile?: string;
}

export function accountVerbs(program: Command): void {
  const account = program.command('account').description('who may use the API and the console');

  withConnection(account.command('list'))
    .description('list the accounts')
    .action(async (_options, command: Command) => {
      const session = await openSession(command);
      const { accounts } = await session.ask({ method: 'GET', path: ACCOUNTS }, accountList);
      const rows = accounts.map(({ name, role, hasPassword, tokenCount }) => [
        name,
        role,
        hasPassword ? 'yes' : 'no',
        `${tokenCount}`,
      ]);
      session.print(accounts, () => table(['ACCOUNT', 'ROLE', 'PASSWORD', 'TOKENS'], rows));
    });

  withConnection(account.command('set <account>'))
    .description('make an account, or change its role or password; a new password ends its sessions')
    .addOption(
      new Option('--role <role>', 'what it may do; an account that is there keeps its own').choices([
        'viewer',
        'operator',
        'admin',
      ]),
    )
    .option('--password-file <file>', 'its first line is the password; /dev/stdin: from standard input')
    .action(async (name: string, options: SetOptions, command: Command) => {
      const session = await openSession(command);
      const { passwordFile } = options;
      const password = passwordFile === undefined ? undefined : await firstLine(passwordFile);
      const role = options.role ?? (await roleOf(session, name));
      const body = { role, ...(password === undefined ? {} : { password }) };
      await session.order({ method: 'PUT', path: pathOf(name), body }, `account ${name} is ${role}`);
    });

  withConnection(account.command('remove <account>'))
    .description('remove an account, with its sessions and tokens')
    .action(async (name: string, _options, command: Command) => {
      const session = await openSession(command);
      await session.order({ method: 'DELETE', path: pathOf(name) }, `account ${name} removed`);
    });

  withConnection(account.command('token <account>'))
    .description('make an API token for it; it is shown once')
    .action(async (name: string, _options, command: Command) => {
      const session = await openSession(command);
      const answer = await session.ask({ method: 'POST', path: `${pathOf(name)}/tokens` }, apiToken);
      session.print(answer, () => answer.token);
    });

  withConnection(account.command('revoke <account>'))
    .description('revoke all its API tokens')
    .action(async (name: string, _options, command: Command) => {
      const session = await openSession(command);
      await session.order(
        { method: 'DELETE', path: `${pathOf(name)}/tokens` },
        `${name} has no token any more`,
      );
    });
}

async function roleOf(session: Session, name: string): Promise<string> {
  const { accounts } = await session.ask({ method: 'GET', path: ACCOUNTS }, accountList);
  const known = accounts.find((account) => account.name === name);
  if (known) return known.role;
  throw new EterneError('usage', `there is no account ${name}`, {
    hint: 'a new one needs --role viewer, operator or admin',
  });
}

/** In no process list, and without the line's end. */
async function firstLine(path: string): Promise<string> {
  const { files } = createNodeWorld('cli');
  const content = await settle<Buffer | undefined>((done) => files.readFile(path, done));
  if (content === undefined) throw new EterneError('usage', `${path} does not exist`);
  return content.toString('utf8').split(/\r?\n/, 1)[0] ?? '';
}
