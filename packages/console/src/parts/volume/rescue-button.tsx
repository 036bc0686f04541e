/** What is kept of what was overwritten of one copy: shown, written out as an image, or given up. */
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client.ts';
import type { RescuePoint } from '../../api/types.ts';
import { useLanguage } from '../../i18n/language.tsx';
import { TextField } from '../../wizards/fields.tsx';
import { useCluster } from '../cluster-context.tsx';
import { Dialog } from '../dialog.tsx';
import { formatSize } from '../format.ts';
import { ErrorText, OrderButton } from '../order-button.tsx';

interface Replica {
  readonly volume: string;
  readonly node: string;
}

export function RescueButton({ volume, node }: Replica) {
  const { t } = useLanguage();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="quiet" onClick={() => setOpen(true)}>
        {t.rescue}
      </button>
      {open && (
        <Dialog title={t.rescueTitle(node)} onClose={() => setOpen(false)}>
          <Points volume={volume} node={node} />
        </Dialog>
      )}
    </>
  );
}

function Points({ volume, node }: Replica) {
  const { t } = useLanguage();
  const { data, error, refetch } = useQuery({
    queryKey: ['rescue', volume, node],
    queryFn: () => api.rescuePoints(volume, node),
    retry: false,
  });
  if (error) return <ErrorText error={error} />;
  if (!data) return <p className="muted">{t.loading}</p>;
  if (data.points.length === 0) return <p>{t.rescueNone}</p>;
  return data.points.map((point) => (
    <Point key={point.id} volume={volume} node={node} point={point} onDropped={() => void refetch()} />
  ));
}

function Point({
  volume,
  node,
  point,
  onDropped,
}: Replica & { readonly point: RescuePoint; readonly onDropped: () => void }) {
  const { t, said, language } = useLanguage();
  const { session } = useCluster();
  const begun = new Date(point.begunAtWallMs).toLocaleString(language, { hour12: false });
  const { id, state, savedBytes, whole, peer, reason } = point;
  return (
    <div className="replica">
      <strong>
        {id} · {begun} · {formatSize(savedBytes)}
      </strong>
      <span className="muted">
        {t.rescueState[state]} · {t.saidBy(peer, said(reason))}
        {!whole && ` · ${t.rescueIncomplete}`}
      </span>
      {session.role === 'admin' && (
        <>
          <Export volume={volume} node={node} id={id} />
          <OrderButton
            danger
            label={t.rescueDrop}
            question={t.rescueDropQuestion}
            confirmName={volume}
            order={() =>
              api.orderVolume(volume, 'rescue/drop', { node, id, confirm: volume }).then(onDropped)
            }
          />
        </>
      )}
    </div>
  );
}

function Export({ volume, node, id }: Replica & { readonly id: number }) {
  const { t } = useLanguage();
  const [path, setPath] = useState(`/tmp/${volume}.${id}.img`);
  const write = useMutation({
    mutationFn: () => api.orderVolume(volume, 'rescue/export', { node, id, path }),
  });
  return (
    <>
      <TextField label={t.rescuePath} value={path} onChange={setPath} />
      {write.error && <ErrorText error={write.error} />}
      {write.isSuccess && <p role="status">{t.planDone}</p>}
      <button
        type="button"
        disabled={write.isPending || !path.startsWith('/')}
        onClick={() => write.mutate()}
      >
        {t.rescueExport}
      </button>
    </>
  );
}
