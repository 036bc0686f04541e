/** A split brain explained, before anybody chooses: what each side changed, in places and in files, and the choice. */
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api } from '../../api/client.ts';
import type { SplitBrain } from '../../api/types.ts';
import { useLanguage } from '../../i18n/language.tsx';
import { useCluster } from '../cluster-context.tsx';
import { formatSize } from '../format.ts';
import { ErrorText, OrderButton } from '../order-button.tsx';
import { Section } from '../section.tsx';

const SHOWN = 12;

/** `node`: the side that is asked. */
export function SplitBrainView({ volume, node }: { volume: string; node: string }) {
  const { t } = useLanguage();
  const [wanted, setWanted] = useState(false);
  return (
    <Section title={t.splitBrainTitle} note={t.splitBrainNote}>
      {wanted ? (
        <Sides volume={volume} node={node} />
      ) : (
        <button type="button" className="primary" onClick={() => setWanted(true)}>
          {t.splitBrainShow}
        </button>
      )}
    </Section>
  );
}

function Sides({ volume, node }: { volume: string; node: string }) {
  const { t } = useLanguage();
  const { data, error } = useQuery({
    queryKey: ['split-brain', volume, node],
    queryFn: () => api.splitBrains(volume, node),
    retry: false,
  });
  if (error) return <ErrorText error={error} />;
  if (!data) return <p className="muted">{t.loading}</p>;
  return data.splitBrains.map((parted) => (
    <Parted key={parted.peer} volume={volume} node={node} parted={parted} />
  ));
}

function Parted({ volume, node, parted }: { volume: string; node: string; parted: SplitBrain }) {
  const { t, said } = useLanguage();
  const { peer, reason, local, remote, remoteNote } = parted;
  return (
    <>
      <p className="reason">{said(reason)}</p>
      <div className="cards">
        <Side side={local}>
          <GiveUp volume={volume} node={node} loser={node} winner={peer} />
        </Side>
        {remote === null ? (
          <p className="reason">{t.saidBy(peer, said(remoteNote))}</p>
        ) : (
          <Side side={remote}>
            <GiveUp volume={volume} node={node} loser={peer} winner={node} />
          </Side>
        )}
      </div>
    </>
  );
}

function GiveUp({
  volume,
  node,
  loser,
  winner,
}: {
  volume: string;
  node: string;
  loser: string;
  winner: string;
}) {
  const { t } = useLanguage();
  const { session } = useCluster();
  if (session.role !== 'admin') return null;
  const peer = loser === node ? winner : loser;
  const body = { node, peer, discard: loser === node ? 'local' : 'remote', confirm: volume };
  return (
    <OrderButton
      danger
      label={t.giveUpSide(loser)}
      question={t.giveUpQuestion(loser, winner)}
      confirmName={volume}
      order={() => api.orderVolume(volume, 'resolve', body)}
    />
  );
}

function Side({ side, children }: { side: SplitBrain['local']; children: ReactNode }) {
  const { t, said } = useLanguage();
  const { node, changedBytes, extentCount, extents, fileCount, files, note, otherBytes } = side;
  const shown = files.slice(0, SHOWN);
  const places = files.length > 0 ? [] : extents.slice(0, SHOWN);
  const left = files.length > 0 ? fileCount - shown.length : extentCount - places.length;
  return (
    <article className="card">
      <h3>{t.sideChanged(node, formatSize(changedBytes), extentCount)}</h3>
      <ul className="candidates">
        {shown.map((file) => (
          <li key={file.path}>
            <code>{file.path}</code> <span className="muted">{formatSize(file.changedBytes)}</span>
          </li>
        ))}
        {places.map(({ offset, lengthBytes }) => (
          <li key={offset}>
            <code>{offset}</code> <span className="muted">{formatSize(lengthBytes)}</span>
          </li>
        ))}
        {left > 0 && <li className="muted">{t.sideMore(left)}</li>}
        {otherBytes > 0 && files.length > 0 && (
          <li className="muted">{t.sideOther(formatSize(otherBytes))}</li>
        )}
      </ul>
      {note !== '' && <p className="muted">{said(note)}</p>}
      <footer className="card-actions">{children}</footer>
    </article>
  );
}
