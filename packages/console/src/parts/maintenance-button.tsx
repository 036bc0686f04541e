import { api } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { OrderButton } from './order-button.tsx';

/** Of a group, or (null) of the whole cluster. */
export function MaintenanceButton({ group, isOn }: { group: string | null; isOn: boolean }) {
  const { t } = useLanguage();
  const begin = group === null ? t.clusterMaintenanceQuestion : t.groupMaintenanceQuestion(group);
  const end = group === null ? t.clusterMaintenanceEndQuestion : t.groupMaintenanceEndQuestion(group);
  return (
    <OrderButton
      label={isOn ? t.groupMaintenanceEnd : t.groupMaintenance}
      question={isOn ? end : begin}
      order={() => api.setMaintenance(group, !isOn)}
    />
  );
}
