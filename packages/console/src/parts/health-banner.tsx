import { useLanguage } from '../i18n/language.tsx';
import { useCluster } from './cluster-context.tsx';
import { ToneIcon } from './icon.tsx';
import { type Health, HEALTH_TONE, healthOf } from './tone.ts';
import type { Messages } from '../i18n/en.ts';

function sentence(health: Health, t: Messages): string {
  switch (health) {
    case 'good':
      return t.healthGood;
    case 'unprotected':
      return t.healthUnprotected;
    case 'busy':
      return t.healthBusy;
    case 'down':
      return t.healthDown;
    case 'noQuorum':
      return t.healthNoQuorum;
    case 'empty':
      return t.healthEmpty;
  }
}

/** The answer to the first question of everyone who opens the console. */
export function HealthBanner() {
  const { t } = useLanguage();
  const { status } = useCluster();
  const health = healthOf(status);
  const tone = HEALTH_TONE[health];
  return (
    <div className={`health tone-${tone}`} role="status">
      <ToneIcon tone={tone} size={44} />
      <div>
        <h1>{sentence(health, t)}</h1>
        <p className="facts">
          <span>{status.cluster}</span>
          <span>{status.quorate ? t.quorate : t.notQuorate}</span>
          <span>{status.leader === null ? t.noLeader : `${t.leader} ${status.leader}`}</span>
          <span>{t.seenBy(status.reportedBy)}</span>
        </p>
      </div>
    </div>
  );
}
