/** One copy of a volume, as its own node tells of it, and what may be ordered of it. */
import { api } from '../../api/client.ts';
import type { ReplicaDetail, ReplicaPeer, ReplicaReport } from '../../api/types.ts';
import { useLanguage } from '../../i18n/language.tsx';
import { Badge } from '../badge.tsx';
import { useCluster } from '../cluster-context.tsx';
import { copyState } from '../copy-state.tsx';
import { formatSize } from '../format.ts';
import { ToneIcon } from '../icon.tsx';
import { OrderButton } from '../order-button.tsx';
import { PeerProgress } from './progress.tsx';
import { RescueButton } from './rescue-button.tsx';

export function ReplicaCard({ volume, replica }: { volume: string; replica: ReplicaDetail }) {
  const { t, said } = useLanguage();
  const { mayOrder, status } = useCluster();
  const { node, report, problem } = replica;
  // Who tells of its copy is there, whatever its heartbeats say.
  const state = report === null ? status.nodes.find(({ name }) => name === node)?.state : undefined;
  const { tone, word } = copyState(t, { disk: report?.disk ?? 'Unknown' }, { primary: null }, state);
  return (
    <article className="card" aria-label={t.copyOn(node)}>
      <header className="card-head">
        <h3>{node}</h3>
        {report?.role === 'primary' && <span className="pill">{t.primary}</span>}
        <Badge tone={tone}>{word}</Badge>
      </header>
      {problem !== null && <p className="reason">{said(problem)}</p>}
      {report !== null && <Report report={report} />}
      {report?.peers.map((peer) => (
        <Link key={peer.node} volume={volume} node={node} peer={peer} />
      ))}
      {report !== null && (
        <footer className="card-actions">
          <RescueButton volume={volume} node={node} />
          {mayOrder && <DiskOrders volume={volume} node={node} report={report} />}
          <AcceptLoss volume={volume} node={node} />
        </footer>
      )}
    </article>
  );
}

function Report({ report }: { report: ReplicaReport }) {
  const { t, said } = useLanguage();
  const { checksumErrors = 0, freezeReason, heldWrites, ioErrors, remappedSectors } = report;
  const { rescueProblem } = report;
  const hasErrors = ioErrors + remappedSectors + checksumErrors > 0;
  return (
    <>
      {freezeReason !== null && <p className="reason">{t.frozen(said(freezeReason))}</p>}
      {rescueProblem !== undefined && <p className="reason">{t.rescueLost(said(rescueProblem))}</p>}
      {heldWrites > 0 && <p className="reason">{t.heldWrites(heldWrites)}</p>}
      <dl className="facts-list">
        <dt>{t.size}</dt>
        <dd>{formatSize(report.sizeBytes)}</dd>
        <dt>{t.term}</dt>
        <dd className="number">{report.term}</dd>
        {hasErrors && (
          <>
            <dt>{t.diskErrors}</dt>
            <dd>{t.diskErrorsOf(ioErrors, remappedSectors, checksumErrors)}</dd>
          </>
        )}
      </dl>
    </>
  );
}

function Link({ volume, node, peer }: { volume: string; node: string; peer: ReplicaPeer }) {
  const { t } = useLanguage();
  const { mayOrder } = useCluster();
  const isAlone = peer.connection === 'StandAlone';
  const verb = isAlone ? 'connect' : 'disconnect';
  const isWell = peer.connection === 'Connected' && !peer.splitBrain && peer.paused === undefined;
  return (
    <div className="replica">
      <div className="replica-head">
        <ToneIcon tone={isWell ? 'good' : 'bad'} />
        <strong>{t.linkTo(peer.node)}</strong>
        {peer.splitBrain && <Badge tone="bad">{t.splitBrain}</Badge>}
        {peer.paused && <Badge tone="bad">{t.replicationState.PausedSync}</Badge>}
      </div>
      <span className="muted">
        {t.connection[peer.connection]} · {t.replicationState[peer.replication]}
        {peer.dirtyBytes > 0 && ` · ${t.leftToSync(formatSize(peer.dirtyBytes))}`}
      </span>
      <Paused peer={peer} />
      <PeerProgress peer={peer} />
      <LastVerify peer={peer} />
      {mayOrder && !peer.splitBrain && (
        <OrderButton
          label={t[verb]}
          question={isAlone ? t.connectQuestion(peer.node) : t.disconnectQuestion(peer.node)}
          order={() => api.orderVolume(volume, verb, { node, peer: peer.node })}
        />
      )}
    </div>
  );
}

function Paused({ peer: { paused } }: { peer: ReplicaPeer }) {
  const { t, said } = useLanguage();
  if (paused === undefined) return null;
  return (
    <>
      <p className="reason">{t.pausedBecause(said(paused.reason))}</p>
      {paused.goesOn !== '' && <p className="muted">{t.goesOn(said(paused.goesOn))}</p>}
    </>
  );
}

function LastVerify({ peer: { lastVerify, verify } }: { peer: ReplicaPeer }) {
  const { t, said, language } = useLanguage();
  if (verify !== null) return null;
  if (lastVerify === null) return <span className="muted">{t.verifyNever}</span>;
  const time = new Date(lastVerify.endedWallMs).toLocaleString(language, { hour12: false });
  const { differingBytes, isDone, reason } = lastVerify;
  const text = !isDone
    ? t.verifyCut(said(reason))
    : differingBytes === 0
      ? t.verifyEqual(time)
      : t.verifyDiffers(time, formatSize(differingBytes));
  return <span className="muted">{text}</span>;
}

function DiskOrders({ volume, node, report }: { volume: string; node: string; report: ReplicaReport }) {
  const { t } = useLanguage();
  const { session } = useCluster();
  const isGone = report.disk === 'Failed' || report.disk === 'Diskless';
  const order = (verb: string, body: object) => () => api.orderVolume(volume, verb, { node, ...body });
  if (isGone)
    return (
      <>
        <OrderButton label={t.attach} question={t.attachQuestion(node)} order={order('attach', {})} />
        <OrderButton
          danger
          label={t.replaced}
          question={t.replacedQuestion(node)}
          confirmName={volume}
          order={order('attach', { replaced: true, confirm: volume })}
        />
      </>
    );
  return (
    <>
      <OrderButton label={t.detach} question={t.detachQuestion(node)} order={order('detach', {})} />
      {session.role === 'admin' && report.role === 'secondary' && (
        <OrderButton
          danger
          label={t.invalidate}
          question={t.invalidateQuestion(node)}
          confirmName={volume}
          order={order('invalidate', { confirm: volume })}
        />
      )}
    </>
  );
}

/** Where nobody serves the volume and this copy may not have everything: an operator's decision. */
function AcceptLoss({ volume: name, node }: { volume: string; node: string }) {
  const { t } = useLanguage();
  const { session, status } = useCluster();
  const volume = status.volumes.find((one) => one.name === name);
  const user = status.groups.find((group) => group.name === volume?.group);
  const isNeeded = volume !== undefined && volume.devices.length === 0 && (user?.owner ?? null) === null;
  if (session.role !== 'admin' || !isNeeded || volume.inSyncSet.includes(node)) return null;
  return (
    <OrderButton
      danger
      label={t.acceptLoss}
      question={t.confirmAcceptLoss(name, node)}
      confirmName={name}
      order={() => api.orderVolume(name, 'accept-loss', { node })}
    />
  );
}
