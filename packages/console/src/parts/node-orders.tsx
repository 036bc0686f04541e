/** What may be ordered of a member: how it takes part, that it is switched off or counts as off, that it is a member no more. */
import { useState } from 'react';
import { api } from '../api/client.ts';
import type { NodeStatus } from '../api/types.ts';
import { useLanguage } from '../i18n/language.tsx';
import { CheckBox } from '../wizards/fields.tsx';
import { useCluster } from './cluster-context.tsx';
import { OrderButton } from './order-button.tsx';

export function NodeOrders({ node }: { node: NodeStatus }) {
  const { session } = useCluster();
  return (
    <>
      {node.role === 'node' && <ModeOrders node={node} />}
      {node.role === 'node' && <OffOrders node={node} />}
      {session.role === 'admin' && <RemoveOrder node={node} />}
    </>
  );
}

/** One that is lost in standby is in it still when it is back. */
function ModeOrders({ node: { name, state, mode } }: { node: NodeStatus }) {
  const { t } = useLanguage();
  if (mode === 'standby' || mode === 'maintenance')
    return (
      <OrderButton
        label={t.toActive}
        question={t.confirmActive(name)}
        order={() => api.setNodeMode(name, 'unstandby')}
      />
    );
  return (
    <>
      <OrderButton
        label={t.toStandby}
        question={t.confirmStandby(name)}
        order={() => api.setNodeMode(name, 'standby')}
      />
      {state === 'online' && (
        <OrderButton
          label={t.toMaintenance}
          question={t.confirmMaintenance(name)}
          order={() => api.setNodeMode(name, 'maintenance')}
        />
      )}
    </>
  );
}

/** Software alone means that it has no fence device; beside a watchdog it may have one. */
function OffOrders({ node: { name, state, enforcement } }: { node: NodeStatus }) {
  const { t } = useLanguage();
  return (
    <>
      {enforcement !== 'software' && (
        <OrderButton
          danger
          label={t.fence}
          question={t.confirmFence(name)}
          confirmName={name}
          order={() => api.fenceNode(name)}
        />
      )}
      {state === 'lost' && <SaidOffOrder node={name} />}
    </>
  );
}

/** Of a pair the one that stands still asks whether it may go on although the other one may have decided more. */
function SaidOffOrder({ node }: { node: string }) {
  const { t } = useLanguage();
  const { quorate, tieBreaker } = useCluster().status;
  const [anyway, setAnyway] = useState(false);
  return (
    <OrderButton
      danger
      label={t.saidOff}
      question={t.confirmSaidOff(node)}
      confirmName={node}
      order={() => api.confirmStopped(node, anyway)}
    >
      {tieBreaker !== null && !quorate && (
        <CheckBox label={t.saidOffAnyway} checked={anyway} onChange={setAnyway} />
      )}
    </OrderButton>
  );
}

/** While one of a pair goes on alone the other would never hear of its removal: it must be off. */
function RemoveOrder({ node: { name, state } }: { node: NodeStatus }) {
  const { t } = useLanguage();
  const { tieBreaker } = useCluster().status;
  const [isOff, setOff] = useState(false);
  return (
    <OrderButton
      danger
      label={t.removeNode}
      question={t.confirmRemoveNode(name)}
      confirmName={name}
      order={() => api.removeNode(name, isOff)}
    >
      {tieBreaker !== null && state === 'lost' && (
        <CheckBox label={t.removeIsOff} checked={isOff} onChange={setOff} />
      )}
    </OrderButton>
  );
}
