import { useLanguage } from '../i18n/language.tsx';
import { formatSize } from './format.ts';

export function SyncBar({ dirtyBytes, sizeBytes }: { dirtyBytes: number; sizeBytes: number }) {
  const { t } = useLanguage();
  const percent = sizeBytes === 0 ? 100 : Math.min(100, Math.max(0, 100 * (1 - dirtyBytes / sizeBytes)));
  return (
    <span className="sync">
      <span
        className="sync-track"
        role="progressbar"
        aria-valuenow={Math.round(percent)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span className="sync-fill" style={{ width: `${percent}%` }} />
      </span>
      <span className="sync-text">
        {Math.floor(percent)} % · {t.leftToSync(formatSize(dirtyBytes))}
      </span>
    </span>
  );
}
