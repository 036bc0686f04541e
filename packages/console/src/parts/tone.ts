/** Which colour and sign a state gets. Colour is never alone: every tone has its own icon, and every badge its word. */
import type { ClusterStatus, GroupStatus, NodeStatus, ReplicaStatus } from '../api/types.ts';

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'idle';

export function nodeTone(state: NodeStatus['state']): Tone {
  switch (state) {
    case 'online':
      return 'good';
    case 'lost':
      return 'bad';
    case 'standby':
    case 'maintenance':
      return 'idle';
  }
}

export function groupTone(state: GroupStatus['state']): Tone {
  switch (state) {
    case 'online':
      return 'good';
    case 'starting':
    case 'stopping':
      return 'busy';
    case 'failed':
    case 'blocked':
      return 'bad';
    case 'stopped':
      return 'idle';
  }
}

export function resourceTone(state: GroupStatus['resources'][number]['state']): Tone {
  switch (state) {
    case 'running':
      return 'good';
    case 'starting':
    case 'stopping':
      return 'busy';
    case 'failed':
      return 'bad';
    case 'stopped':
    case 'unknown':
      return 'idle';
  }
}

export function diskTone(state: ReplicaStatus['disk']): Tone {
  switch (state) {
    case 'UpToDate':
      return 'good';
    case 'Attaching':
    case 'Inconsistent':
      return 'busy';
    case 'Outdated':
    case 'Consistent':
    case 'Unknown':
      return 'warn';
    case 'Diskless':
    case 'Failed':
      return 'bad';
  }
}

export type Health = 'good' | 'unprotected' | 'busy' | 'down' | 'noQuorum' | 'empty';

/** The one sentence at the top. Groups that are meant to be stopped do not count. */
export function healthOf({ quorate, groups }: ClusterStatus): Health {
  if (!quorate) return 'noQuorum';
  if (groups.length === 0) return 'empty';
  const wanted = groups.filter(({ desired }) => desired === 'started');
  if (wanted.some(({ state }) => ['failed', 'blocked', 'stopped'].includes(state))) return 'down';
  if (wanted.some(({ state }) => state !== 'online')) return 'busy';
  return wanted.some((group) => !group.protected) ? 'unprotected' : 'good';
}

export const HEALTH_TONE: Readonly<Record<Health, Tone>> = {
  good: 'good',
  unprotected: 'warn',
  busy: 'busy',
  down: 'bad',
  noQuorum: 'bad',
  empty: 'idle',
};
