/** Calls of the API with the session's cookie. */
import type {
  AccountList,
  ApiToken,
  ConfigPlan,
  DrillResult,
  FailureSimulation,
  GroupExplanation,
  JoinToken,
  RescuePoint,
  Role,
  Session,
  Situation,
  SplitBrain,
  TemplateList,
  TemplateQuestions,
  VolumeDetail,
} from './types.ts';

export class ApiError extends Error {
  readonly status: number;
  readonly hint: string | null;

  constructor(status: number, message: string, hint: string | null) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`/api/v1${path}`, {
    method,
    headers: {
      // Without it the API refuses what a cookie alone authorises: see guard.ts of the API.
      'x-eterne-console': '1',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json().catch(() => ({}))) as { message?: string; hint?: string | null };
  if (!response.ok)
    throw new ApiError(response.status, answer.message ?? `status ${response.status}`, answer.hint ?? null);
  return answer as T;
}

const name = encodeURIComponent;

export const api = {
  /** Undefined when nobody is logged in. */
  session: () =>
    call<Session>('GET', '/session').catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }),
  logIn: (user: string, password: string) => call<Session>('POST', '/session', { user, password }),
  logOut: () => call('DELETE', '/session'),
  startGroup: (group: string) => call('POST', `/groups/${name(group)}/start`),
  stopGroup: (group: string) => call('POST', `/groups/${name(group)}/stop`),
  moveGroup: (group: string, to: string) => call('POST', `/groups/${name(group)}/move`, { to }),
  /** Answers when the switch-over is over. */
  drillGroup: (group: string) => call<DrillResult>('POST', `/groups/${name(group)}/drill`),
  explainGroup: (group: string) => call<GroupExplanation>('GET', `/groups/${name(group)}/explain`),
  setNodeMode: (node: string, mode: 'standby' | 'unstandby' | 'maintenance') =>
    call('POST', `/nodes/${name(node)}/${mode}`),
  /** Answers when it is confirmed to be off. */
  fenceNode: (node: string) => call('POST', `/nodes/${name(node)}/fence`),
  confirmStopped: (node: string, acceptLoss: boolean) =>
    call('POST', `/nodes/${name(node)}/confirm-stopped`, { acceptLoss }),
  removeNode: (node: string, isOff: boolean) =>
    call('DELETE', `/nodes/${name(node)}${isOff ? '?confirmStopped=true' : ''}`),
  deleteGroup: (group: string) => call('DELETE', `/groups/${name(group)}`),
  deleteVolume: (volume: string) => call('DELETE', `/volumes/${name(volume)}`),
  migrateLog: (to: 'embedded' | 'etcd') => call('POST', '/cluster/migrate-log', { to }),
  simulate: (situation: Situation) =>
    call<FailureSimulation>('GET', `/simulation?${new URLSearchParams(situation).toString()}`),
  volume: (volume: string) => call<VolumeDetail>('GET', `/volumes/${name(volume)}`),
  orderVolume: (volume: string, verb: string, body: object) =>
    call('POST', `/volumes/${name(volume)}/${verb}`, body),
  splitBrains: (volume: string, node: string) =>
    call<{ splitBrains: readonly SplitBrain[] }>(
      'GET',
      `/volumes/${name(volume)}/replicas/${name(node)}/split-brain`,
    ),
  rescuePoints: (volume: string, node: string) =>
    call<{ points: readonly RescuePoint[] }>('GET', `/volumes/${name(volume)}/replicas/${name(node)}/rescue`),
  /** Null: of the whole cluster. */
  setMaintenance: (group: string | null, on: boolean) =>
    call('POST', `${group === null ? '' : `/groups/${name(group)}`}/maintenance/${on ? 'begin' : 'end'}`),
  templates: () => call<TemplateList>('GET', '/templates'),
  template: (template: string) => call<TemplateQuestions>('GET', `/templates/${name(template)}`),
  fillTemplate: (template: string, answers: Readonly<Record<string, string>>) =>
    call<Record<string, unknown>>('POST', `/templates/${name(template)}/fill`, answers),
  config: () => call<Record<string, unknown>>('GET', '/config'),
  planConfig: (document: unknown) => call<ConfigPlan>('POST', '/config/plan', document),
  applyConfig: (document: unknown) => call<ConfigPlan>('POST', '/config/apply', document),
  createJoinToken: () => call<JoinToken>('POST', '/tokens'),
  accounts: () => call<AccountList>('GET', '/accounts'),
  /** An empty password leaves the one there is. */
  putAccount: (account: string, role: Role, password: string) =>
    call('PUT', `/accounts/${name(account)}`, { role, ...(password === '' ? {} : { password }) }),
  removeAccount: (account: string) => call('DELETE', `/accounts/${name(account)}`),
  createToken: (account: string) => call<ApiToken>('POST', `/accounts/${name(account)}/tokens`),
  revokeTokens: (account: string) => call('DELETE', `/accounts/${name(account)}/tokens`),
};
