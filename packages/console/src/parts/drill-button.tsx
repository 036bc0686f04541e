/** A rehearsal on the living cluster: switches a group over and shows how long its services paused. */
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { Dialog } from './dialog.tsx';
import { formatMs } from './format.ts';
import { ToneIcon } from './icon.tsx';
import { ErrorText } from './order-button.tsx';

export function DrillButton({ group }: { group: string }) {
  const { t } = useLanguage();
  const [open, setOpen] = useState(false);
  const drill = useMutation({ mutationFn: () => api.drillGroup(group) });
  const close = () => {
    setOpen(false);
    drill.reset();
  };
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {t.drill}
      </button>
      {open && (
        <Dialog
          title={t.drillTitle(group)}
          onClose={close}
          action={
            drill.data === undefined && (
              <button
                type="button"
                className="primary"
                disabled={drill.isPending}
                onClick={() => drill.mutate()}
              >
                {t.drill}
              </button>
            )
          }
        >
          {drill.data === undefined && <p>{drill.isPending ? t.drillRuns : t.drillQuestion}</p>}
          {drill.error && <ErrorText error={drill.error} />}
          {drill.data && (
            <p className="drill-result">
              <ToneIcon tone={drill.data.writes?.lost ? 'bad' : 'good'} />
              {t.drillDone(drill.data.from, drill.data.to, formatMs(drill.data.outageMs))}{' '}
              {drill.data.writes === null
                ? t.drillUncounted
                : t.drillWrites(drill.data.writes.acknowledged, drill.data.writes.lost)}
            </p>
          )}
        </Dialog>
      )}
    </>
  );
}
