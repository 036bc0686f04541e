/** A server cannot be added from here: it must ask with a one-time token. This makes the token and the command that uses it. */
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { api } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from '../parts/cluster-context.tsx';
import { formatTime } from '../parts/format.ts';
import { ErrorText } from '../parts/order-button.tsx';
import { Section } from '../parts/section.tsx';
import { nameProblem } from './documents.ts';
import { Choice, TextField } from './fields.tsx';
import { isAddressList, joinCommands, type ServerAnswers } from './join-commands.ts';

const EMPTY: ServerAnswers = { role: 'node', name: '', addresses: '' };

export function ServerWizard() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const [answers, setAnswers] = useState(EMPTY);
  const change = (part: Partial<ServerAnswers>) => {
    setAnswers({ ...answers, ...part });
    token.reset();
  };
  const token = useMutation({ mutationFn: api.createJoinToken });
  const problem = nameProblem(
    answers.name,
    status.nodes.map(({ name }) => name),
  );
  const isComplete = problem === null && isAddressList(answers.addresses);
  return (
    <Section title={t.newServer} note={t.newServerNote}>
      <form
        className="card wizard-page"
        onSubmit={(submit) => {
          submit.preventDefault();
          if (isComplete) token.mutate();
        }}
      >
        <Choice
          label={t.serverRole}
          name="role"
          value={answers.role}
          onChange={(role) => change({ role })}
          options={[
            { value: 'node', label: t.nodeRole.node, help: t.serverNodeHelp },
            { value: 'witness', label: t.nodeRole.witness, help: t.serverWitnessHelp },
          ]}
        />
        <TextField
          label={t.name}
          value={answers.name}
          placeholder={answers.role === 'node' ? 'n3' : 'w'}
          problem={problem === null || answers.name === '' ? null : t.problem[problem]}
          onChange={(name) => change({ name })}
        />
        <TextField
          label={t.serverAddresses}
          value={answers.addresses}
          placeholder="10.0.0.3,10.1.0.3"
          help={t.serverAddressesHelp}
          onChange={(addresses) => change({ addresses })}
        />
        {token.error && <ErrorText error={token.error} />}
        {token.data && (
          <div className="field">
            <span className="field-label">{t.serverRun}</span>
            <pre className="yaml">{joinCommands(answers, token.data.token, window.location.host)}</pre>
            <span className="field-help">{t.tokenUntil(formatTime(token.data.expiresAtMs))}</span>
          </div>
        )}
        <footer className="wizard-actions">
          <Link to="/nodes" className="button quiet">
            {token.data ? t.close : t.cancel}
          </Link>
          <button type="submit" className="primary" disabled={!isComplete || token.isPending}>
            {t.makeToken}
          </button>
        </footer>
      </form>
    </Section>
  );
}
