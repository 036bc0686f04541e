/** What may be ordered of a volume as a whole. */
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../../api/client.ts';
import type { VolumeStatus } from '../../api/types.ts';
import { useLanguage } from '../../i18n/language.tsx';
import { Choice } from '../../wizards/fields.tsx';
import { useCluster } from '../cluster-context.tsx';
import { OrderButton } from '../order-button.tsx';

type How = 'mark' | 'repair' | 'fast';

export function VolumeOrders({ volume: { name: volume, group } }: { volume: VolumeStatus }) {
  const { t } = useLanguage();
  const { session } = useCluster();
  const navigate = useNavigate();
  const [how, setHow] = useState<How>('mark');
  const body = { repair: how === 'repair', fast: how === 'fast' };
  return (
    <>
      <OrderButton
        label={t.verify}
        question={t.verifyQuestion(volume)}
        order={() => api.orderVolume(volume, 'verify', body)}
      >
        <Choice
          label={t.verify}
          name="how"
          value={how}
          onChange={setHow}
          options={[
            { value: 'mark', label: t.verifyOnly },
            { value: 'repair', label: t.verifyRepair },
            { value: 'fast', label: t.verifyFast },
          ]}
        />
      </OrderButton>
      <OrderButton
        label={t.resync}
        question={t.resyncQuestion}
        order={() => api.orderVolume(volume, 'resync', {})}
      />
      {session.role === 'admin' && group === null && (
        <OrderButton
          danger
          label={t.deleteVolume}
          question={t.confirmDeleteVolume(volume)}
          confirmName={volume}
          order={() => api.deleteVolume(volume).then(() => navigate('/volumes'))}
        />
      )}
    </>
  );
}
