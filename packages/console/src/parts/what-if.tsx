/** Failures rehearsed by the cluster's own decisions: what a node's loss, its return or a split network would move. Nothing is done. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client.ts';
import type { FailureSimulation, Situation } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from './cluster-context.tsx';
import { Dialog } from './dialog.tsx';
import { formatMs } from './format.ts';
import { ToneIcon } from './icon.tsx';
import { ErrorText } from './order-button.tsx';

export function WhatIfButton({
  label,
  title,
  situation,
}: {
  label: string;
  title: string;
  situation: Situation;
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="quiet" onClick={() => setOpen(true)}>
        {label}
      </button>
      {open && (
        <Dialog title={title} onClose={() => setOpen(false)}>
          <Outcome situation={situation} />
        </Dialog>
      )}
    </>
  );
}

/** Some of the members no longer hear the others. */
export function WhatIfParted() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const [open, setOpen] = useState(false);
  const [side, setSide] = useState<readonly string[]>([]);
  const members = status.nodes.map(({ name }) => name);
  const others = members.filter((name) => !side.includes(name));
  const toggle = (name: string): void =>
    setSide(side.includes(name) ? side.filter((other) => other !== name) : [...side, name]);
  return (
    <>
      <button type="button" className="quiet" onClick={() => setOpen(true)}>
        {t.whatIfParted}
      </button>
      {open && (
        <Dialog title={t.whatIfPartedTitle} onClose={() => setOpen(false)}>
          <fieldset className="field">
            <legend className="field-label">{t.oneSide}</legend>
            <div className="choices">
              {members.map((name) => (
                <label key={name}>
                  <input type="checkbox" checked={side.includes(name)} onChange={() => toggle(name)} />
                  <span>{name}</span>
                </label>
              ))}
            </div>
          </fieldset>
          {side.length > 0 && others.length > 0 && (
            <Outcome situation={{ partition: `${side.join(',')}/${others.join(',')}` }} />
          )}
        </Dialog>
      )}
    </>
  );
}

function Outcome({ situation }: { situation: Situation }) {
  const { t } = useLanguage();
  const { data, error } = useQuery({
    queryKey: ['simulate', situation],
    queryFn: () => api.simulate(situation),
  });
  if (error) return <ErrorText error={error} />;
  if (!data) return <p className="muted">{t.loading}</p>;
  return (
    <ul className="candidates">
      <Quorum simulation={data} />
      {data.moves.length === 0 && (
        <li>
          <ToneIcon tone="good" />
          <span>{t.nothingMoves}</span>
        </li>
      )}
      {data.moves.map((move) => (
        <Move key={move.group} move={move} />
      ))}
    </ul>
  );
}

function Quorum({ simulation: { quorate, sides } }: { simulation: FailureSimulation }) {
  const { t } = useLanguage();
  if (sides.length > 1)
    return sides.map((side) => (
      <li key={side.nodes.join()}>
        <ToneIcon tone={side.quorate ? 'good' : 'bad'} />
        <span>
          <strong>{side.nodes.join(', ')}</strong> {side.quorate ? t.sideGoesOn : t.sideStops}
        </span>
      </li>
    ));
  return (
    <li>
      <ToneIcon tone={quorate ? 'good' : 'bad'} />
      <span>{quorate ? t.staysQuorate : t.losesQuorum}</span>
    </li>
  );
}

function Move({
  move: { expectedOutageMs, from, group, kind, reason, to },
}: {
  move: FailureSimulation['moves'][number];
}) {
  const { t, said } = useLanguage();
  const way = from === null || from === to ? to : `${from} → ${to}`;
  return (
    <li>
      <ToneIcon tone={to === null ? 'bad' : 'good'} />
      <span>
        <strong>{group}</strong> {to === null ? t.staysDown : kind === 'stay' ? t.staysOn(to) : way}
        {expectedOutageMs !== null && ` · ${t.movesIn(formatMs(expectedOutageMs))}`}
        <span className="muted"> {said(reason)}</span>
      </span>
    </li>
  );
}
