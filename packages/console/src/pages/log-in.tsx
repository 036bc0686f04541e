import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { Logo } from '../parts/icon.tsx';
import { ErrorText } from '../parts/order-button.tsx';

export function LogIn() {
  const { t, toggle } = useLanguage();
  const queries = useQueryClient();
  const logIn = useMutation({
    mutationFn: (form: FormData) => api.logIn(text(form, 'user'), text(form, 'password')),
    onSuccess: (session) => queries.setQueryData(['session'], session),
  });
  return (
    <main className="log-in">
      <form
        className="log-in-box"
        onSubmit={(submit) => {
          submit.preventDefault();
          logIn.mutate(new FormData(submit.currentTarget));
        }}
      >
        <div className="log-in-head">
          <Logo size={40} />
          <div>
            <h1>{t.appName}</h1>
            <p className="muted">{window.location.host}</p>
          </div>
        </div>
        <label>
          {t.user}
          <input name="user" autoComplete="username" autoCapitalize="none" required autoFocus />
        </label>
        <label>
          {t.password}
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        {logIn.error && <ErrorText error={logIn.error} />}
        <button type="submit" className="primary" disabled={logIn.isPending}>
          {t.logIn}
        </button>
        <button type="button" className="quiet" onClick={toggle}>
          {t.language}
        </button>
      </form>
    </main>
  );
}

function text(form: FormData, field: string): string {
  const value = form.get(field);
  return typeof value === 'string' ? value : '';
}
