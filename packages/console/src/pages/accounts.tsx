/** Who may do what: accounts, their roles and their tokens. Administrators only. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client.ts';
import type { Account } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { ErrorText, OrderButton } from '../parts/order-button.tsx';
import { Section } from '../parts/section.tsx';
import { nameProblem } from '../wizards/documents.ts';
import { Choice, TextField } from '../wizards/fields.tsx';

const ROLES = ['viewer', 'operator', 'admin'] as const;
const PASSWORD_CHARACTERS_MIN = 10;

export function Accounts() {
  const { t } = useLanguage();
  const { data, error } = useQuery({ queryKey: ['accounts'], queryFn: api.accounts });
  return (
    <Section title={t.navAccounts} note={t.accountsNote}>
      {error && <ErrorText error={error} />}
      <div className="cards">
        {data?.accounts.map((account) => (
          <AccountCard key={account.name} account={account} />
        ))}
      </div>
      {data && <NewAccount taken={data.accounts.map(({ name }) => name)} />}
    </Section>
  );
}

function AccountCard({ account }: { account: Account }) {
  const { t } = useLanguage();
  const { session } = useCluster();
  const refresh = useRefresh();
  return (
    <article className="card">
      <header className="card-head">
        <h3>{account.name}</h3>
        <span className="pill">{t.role[account.role]}</span>
      </header>
      <dl className="facts-list">
        <dt>{t.password}</dt>
        <dd>{account.hasPassword ? t.passwordSet : t.passwordNone}</dd>
        <dt>{t.tokens}</dt>
        <dd className="number">{account.tokenCount}</dd>
      </dl>
      <footer className="card-actions">
        <TokenButton account={account.name} />
        {account.tokenCount > 0 && (
          <OrderButton
            danger
            label={t.revokeTokens}
            question={t.confirmRevoke(account.name)}
            order={() => api.revokeTokens(account.name).then(refresh)}
          />
        )}
        <ChangeButton account={account} />
        {account.name !== session.user && (
          <OrderButton
            danger
            label={t.remove}
            question={t.confirmRemoveAccount(account.name)}
            order={() => api.removeAccount(account.name).then(refresh)}
          />
        )}
      </footer>
    </article>
  );
}

function useRefresh(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ['accounts'] });
}

/** The token is shown this once. */
function TokenButton({ account }: { account: string }) {
  const { t } = useLanguage();
  const refresh = useRefresh();
  const token = useMutation({ mutationFn: () => api.createToken(account), onSuccess: refresh });
  return (
    <>
      <button type="button" className="quiet" disabled={token.isPending} onClick={() => token.mutate()}>
        {t.newToken}
      </button>
      {(token.data ?? token.error) && (
        <Dialog title={t.tokenOf(account)} onClose={token.reset}>
          {token.error && <ErrorText error={token.error} />}
          {token.data && (
            <>
              <p>{t.tokenOnce}</p>
              <pre className="yaml">{token.data.token}</pre>
            </>
          )}
        </Dialog>
      )}
    </>
  );
}

function ChangeButton({ account }: { account: Account }) {
  const { t } = useLanguage();
  const refresh = useRefresh();
  const [role, setRole] = useState(account.role);
  const [password, setPassword] = useState('');
  return (
    <OrderButton
      label={t.change}
      question={t.changeAccount(account.name)}
      disabled={password !== '' && password.length < PASSWORD_CHARACTERS_MIN}
      order={() => api.putAccount(account.name, role, password).then(refresh)}
    >
      <RoleChoice role={role} onChange={setRole} />
      <TextField
        type="password"
        label={t.newPassword}
        help={t.passwordKept}
        value={password}
        onChange={setPassword}
      />
    </OrderButton>
  );
}

function NewAccount({ taken }: { taken: readonly string[] }) {
  const { t } = useLanguage();
  const refresh = useRefresh();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Account['role']>('operator');
  const [password, setPassword] = useState('');
  const problem = nameProblem(name, taken);
  const create = useMutation({
    mutationFn: () => api.putAccount(name.trim(), role, password),
    onSuccess: () => {
      setName('');
      setPassword('');
      return refresh();
    },
  });
  const isComplete = problem === null && password.length >= PASSWORD_CHARACTERS_MIN;
  return (
    <form
      className="card wizard-page"
      aria-label={t.newAccount}
      onSubmit={(submit) => {
        submit.preventDefault();
        if (isComplete) create.mutate();
      }}
    >
      <h3>{t.newAccount}</h3>
      <TextField
        label={t.name}
        value={name}
        problem={problem === null || name === '' ? null : t.problem[problem]}
        onChange={setName}
      />
      <RoleChoice role={role} onChange={setRole} />
      <TextField
        type="password"
        label={t.password}
        help={t.passwordRule(PASSWORD_CHARACTERS_MIN)}
        value={password}
        onChange={setPassword}
      />
      {create.error && <ErrorText error={create.error} />}
      <footer className="wizard-actions">
        <button type="submit" className="primary" disabled={!isComplete || create.isPending}>
          {t.create}
        </button>
      </footer>
    </form>
  );
}

function RoleChoice({
  role,
  onChange,
}: {
  role: Account['role'];
  onChange: (role: Account['role']) => void;
}) {
  const { t } = useLanguage();
  return (
    <Choice
      label={t.accountRole}
      name="account-role"
      value={role}
      onChange={onChange}
      options={ROLES.map((value) => ({ value, label: t.role[value], help: t.roleHelp[value] }))}
    />
  );
}
