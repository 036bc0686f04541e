/** A cluster that shows its configuration and plans documents as a real one does, for wizards that change what is there. */
import type { PlanStep } from '../../../cluster/src/service/facade.ts';
import { parseDocument } from '../../../cluster/src/service/config/document.ts';
import { planDocument } from '../../../cluster/src/service/config/plan.ts';
import { showDocument } from '../../../cluster/src/service/config/show.ts';
import { applyConfigure } from '../../../cluster/src/state/apply-configure.ts';
import type { ClusterState } from '../../../cluster/src/state/model.ts';
import { createFakeFacade } from '../../../cluster/test/api/fake-facade.ts';
import type { Configuration } from '../../src/wizards/configuration.ts';

const NEW = { ...createFakeFacade().state(), volumes: {}, level: 5 };

/** Of n1, n2 and the witness w, with what the document says. */
export function clusterWith(document: unknown): ClusterState {
  const { changes } = planDocument(NEW, parseDocument(document));
  return applyConfigure(NEW, { kind: 'configure', changes, revision: NEW.revision, atMs: 0 }).state;
}

export function shownBy(state: ClusterState): Configuration {
  return showDocument(state);
}

/** Throws what the cluster refuses it with. */
export function stepsOf(state: ClusterState, document: unknown): readonly PlanStep[] {
  return planDocument(state, parseDocument(document)).steps;
}

/** What the cluster is like afterwards. */
export function after(state: ClusterState, document: unknown): ClusterState {
  const { changes } = planDocument(state, parseDocument(document));
  return applyConfigure(state, { kind: 'configure', changes, revision: state.revision, atMs: 0 }).state;
}
