import type { ReplicaPeer } from '../../api/types.ts';
import { useLanguage } from '../../i18n/language.tsx';
import { formatMs, formatSize } from '../format.ts';

interface Progress {
  readonly what: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly etaMs: number | null;
}

/** A copy or a comparison that is under way with a peer; nothing otherwise. */
export function PeerProgress({ peer }: { peer: ReplicaPeer }) {
  const { t } = useLanguage();
  const progress = progressOf(peer, t.verifying, t.resyncKind[peer.resync.kind]);
  if (progress === undefined) return null;
  const { what, doneBytes, totalBytes, etaMs } = progress;
  const percent = totalBytes === 0 ? 100 : Math.min(100, (100 * doneBytes) / totalBytes);
  return (
    <span className="sync">
      <span
        className="sync-track"
        role="progressbar"
        aria-label={what}
        aria-valuenow={Math.round(percent)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span className="sync-fill" style={{ width: `${percent}%` }} />
      </span>
      <span className="sync-text">
        {what} · {Math.floor(percent)} % · {t.progress(formatSize(doneBytes), formatSize(totalBytes))}
        {etaMs !== null && ` · ${t.timeLeft(formatMs(etaMs))}`}
      </span>
    </span>
  );
}

function progressOf(peer: ReplicaPeer, verifying: string, copying: string): Progress | undefined {
  const { replication, resync, verify } = peer;
  if (replication === 'SyncSource' || replication === 'SyncTarget')
    return {
      what: copying,
      doneBytes: resync.syncedBytes,
      totalBytes: resync.toSyncBytes,
      etaMs: resync.etaMs,
    };
  if (verify === null) return undefined;
  return {
    what: verifying,
    doneBytes: verify.checkedBytes,
    totalBytes: verify.totalBytes,
    etaMs: verify.etaMs,
  };
}
