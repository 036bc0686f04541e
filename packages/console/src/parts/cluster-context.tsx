import { createContext, useContext } from 'react';
import type { ClusterEvent, ClusterStatus, Session } from '../api/types.ts';

export interface ClusterView {
  readonly status: ClusterStatus;
  readonly events: readonly ClusterEvent[];
  readonly session: Session;
  /** Operators and administrators may give orders. */
  readonly mayOrder: boolean;
}

const Context = createContext<ClusterView | null>(null);
export const ClusterProvider = Context.Provider;

export function useCluster(): ClusterView {
  const view = useContext(Context);
  if (view === null) throw new Error('only below ClusterProvider');
  return view;
}
