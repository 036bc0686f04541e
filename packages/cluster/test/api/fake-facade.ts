/** A cluster of two nodes and a witness that only exists in memory: what the API and the console are tested against. */
import { NO_DROPS } from '../../src/heart/drops.ts';
import { EterneError } from '@eterne/base';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { ClusterStatus, ServiceFacade } from '../../src/service/facade.ts';
import type { ClusterEvent, ClusterState, Member } from '../../src/state/model.ts';
import { POINT, REPLICA, SPLIT_BRAINS, VOLUME, VOLUME_ENTRY } from './fake-volume.ts';
import { FIRST_LOG } from '../../src/state/log-defaults.ts';
import { USUAL_WATCH } from '../../src/state/watch.ts';

export interface FakeFacade extends ServiceFacade {
  /** Every order that arrived, as `verb(arguments)`. */
  readonly orders: string[];
  addEvent(event: Omit<ClusterEvent, 'id'>): void;
  setStatus(change: (status: ClusterStatus) => ClusterStatus): void;
  setState(change: (state: ClusterState) => ClusterState): void;
  setReplica(change: (status: VolumeStatus) => VolumeStatus): void;
}

const PATHS = ['udp:10.0.1.', 'udp:10.0.2.'];

function member(name: string, role: 'node' | 'witness', index: number): Member {
  return {
    name,
    role,
    addresses: PATHS.map((path) => `${path.slice(4)}${index}:7700`),
    api: `10.0.1.${index}:8443`,
    voterId: `voter-${name}`,
    level: 1,
    mode: 'active',
    incarnation: 3,
    startId: `start-${name}`,
    pids: {
      service: 100 * index + 1,
      monitor: 100 * index + 2,
      heart: 100 * index + 3,
      disk: 100 * index + 4,
    },
    watchdogMs: null,
    presence: 'online',
    sees: [],
    diskTroubles: [],
    capacity: {},
    troubles: [],
  };
}

const MEMBERS = [member('n1', 'node', 1), member('n2', 'node', 2), member('w', 'witness', 3)];

function initialStatus(): ClusterStatus {
  return {
    cluster: 'prod',
    edition: 'cluster',
    profile: 'lan',
    reportedBy: 'n1',
    leader: 'n1',
    quorate: true,
    features: { level: 1, highest: 1, waitsFor: [] },
    nodes: MEMBERS.map(({ name, role, api, incarnation, pids }, index) => ({
      name,
      role,
      state: 'online' as const,
      mode: 'active' as const,
      enforcement: role === 'witness' ? null : ('software' as const),
      fence: null,
      troubles: [],
      leader: name === 'n1',
      incarnation,
      featureLevel: 1,
      pids: role === 'witness' ? { ...pids, monitor: null, disk: null } : pids,
      api,
      reach: 'network' as const,
      paths:
        name === 'n1'
          ? []
          : PATHS.map((path, at) => ({
              peer: name,
              kind: 'udp' as const,
              path: `${path}${index + 1}`,
              up: !(name === 'w' && at === 1),
              lossPercent: name === 'w' && at === 1 ? 100 : 0,
              latencyMs: name === 'w' && at === 1 ? null : 0.3 + at / 10,
              ageMs: name === 'w' && at === 1 ? null : 100,
              trouble: null,
              dropped: NO_DROPS,
            })),
    })),
    volumes: [
      {
        name: 'data',
        sizeBytes: 2 ** 30,
        parts: [],
        growsToBytes: null,
        mode: 'sync',
        primary: 'n1',
        term: 3,
        replicas: [
          {
            node: 'n1',
            disk: 'UpToDate',
            dirtyBytes: 0,
            lagBytes: null,
            hasUntilMs: null,
            splitBrain: false,
          },
          {
            node: 'n2',
            disk: 'Inconsistent',
            dirtyBytes: 300 * 2 ** 20,
            lagBytes: null,
            hasUntilMs: null,
            splitBrain: false,
          },
        ],
        devices: [],
        inSyncSet: ['n1'],
        setVersion: 7,
        group: 'db',
        asyncTakeover: 'operator',
        givenUp: null,
      },
    ],
    groups: [
      {
        name: 'db',
        state: 'online',
        desired: 'started',
        owner: 'n1',
        epoch: 4,
        protected: false,
        maintenance: false,
        reason: 'runs on its preferred node',
        leaseRemainingMs: 540,
        strays: [],
        nodes: ['n1', 'n2'],
        resources: [
          { name: 'vol', type: 'mirror', state: 'running', reason: '' },
          { name: 'ledger', type: 'app', state: 'running', reason: '' },
        ],
      },
    ],
    maintenance: false,
    tieBreaker: null,
    consensus: { engine: 'embedded', epoch: 0, phase: 'steady', trouble: null, takeOverMs: 1550 },
    warnings: ['volume data: n2 is not in the in-sync set'],
    dropped: { heartbeats: { ...NO_DROPS, forged: 3, replayed: 1 }, log: { ...NO_DROPS, parted: 12 } },
  };
}

function initialState(): ClusterState {
  return {
    version: 1,
    cluster: 'prod',
    clusterId: '9d0f3f0e-5f0e-4f5e-9a3c-0c8d3b1f2a10',
    log: FIRST_LOG,
    level: 1,
    leaderTerm: 1,
    settling: null,
    grantor: null,
    alone: null,
    maintenance: false,
    epoch: 4,
    config: {
      edition: 'cluster',
      profile: 'lan',
      timezone: 'UTC',
      tieBreaker: { kind: 'witness' },
      prefer: 'consistency',
      ping: [],
      onShutdown: 'move',
      fencing: [],
      watchdog: null,
      consensus: { engine: 'embedded' },
      watch: USUAL_WATCH,
      heartbeatDisks: [],
    },
    revision: 1,
    heartSlots: {},
    members: Object.fromEntries(MEMBERS.map((one) => [one.name, one])),
    volumes: { data: VOLUME },
    groups: {},
    fences: {},
    tokens: {},
    accounts: {},
    events: [],
    eventId: 0,
  };
}

export function createFakeFacade(): FakeFacade {
  let state = initialState();
  let status = initialStatus();
  let replica = REPLICA;
  const listeners = new Set<() => void>();
  const orders: string[] = [];
  const changed = () => listeners.forEach((listener) => listener());
  const order =
    (verb: string) =>
    (...words: unknown[]) => {
      if (words[0] === 'missing') return Promise.reject(new EterneError('not-found', 'there is no missing'));
      orders.push(`${verb}(${words.map((word) => JSON.stringify(word ?? null)).join(', ')})`);
      return Promise.resolve();
    };
  return {
    node: 'n1',
    orders,
    addEvent(event) {
      const id = state.eventId + 1;
      state = { ...state, eventId: id, events: [...state.events, { id, ...event }] };
      changed();
    },
    setStatus(change) {
      status = change(status);
      changed();
    },
    setState(change) {
      state = change(state);
    },
    setReplica(change) {
      replica = change(replica);
    },
    state: () => state,
    status: () => status,
    events: (afterId) => state.events.filter((event) => event.id > afterId),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    configPlan(document) {
      if (Object.hasOwn(Object(document), 'nonsense'))
        return Promise.reject(new EterneError('config', 'nonsense: unknown key'));
      const step = {
        action: 'create',
        subject: 'volume',
        name: 'data',
        sentence: 'create volume data',
      } as const;
      return Promise.resolve({ steps: [step] });
    },
    async configApply(document, by) {
      await order('configApply')(document, by);
      return this.configPlan(document);
    },
    configLosses: () => Promise.resolve([]),
    configShow: () => ({ cluster: { edition: 'cluster' }, volumes: [VOLUME_ENTRY], groups: [] }),
    volumeCreate: order('volumeCreate'),
    volumeDelete: order('volumeDelete'),
    volumeAcceptLoss: order('volumeAcceptLoss'),
    volumeActor: (_name, node) => Promise.resolve(node ?? 'n1'),
    volumeResize: order('volumeResize'),
    volumeOrder: order('volumeOrder'),
    volumeReplica: () => Promise.resolve(replica),
    volumeSplitBrains: () => Promise.resolve(SPLIT_BRAINS),
    volumeRescuePoints: () => Promise.resolve([POINT]),
    groupCreate: order('groupCreate'),
    groupStart: order('groupStart'),
    groupStop: order('groupStop'),
    groupMove: order('groupMove'),
    groupDelete: order('groupDelete'),
    groupExplain(name) {
      if (name !== 'db') throw new EterneError('not-found', `there is no group ${name}`);
      return {
        group: name,
        owner: 'n1',
        chosen: 'n1',
        sentences: ['n1 is the first in the order of preference.'],
        candidates: [
          { node: 'n1', eligible: true, reason: 'runs it now' },
          { node: 'n2', eligible: false, reason: 'its replica of data is not in the in-sync set' },
        ],
      };
    },
    nodeStandby: order('nodeStandby'),
    nodeUnstandby: order('nodeUnstandby'),
    nodeMaintenance: order('nodeMaintenance'),
    async nodeFence(name, by) {
      await order('nodeFence')(name, by);
      return { node: name, tookMs: 1200 };
    },
    nodeConfirmStopped: order('nodeConfirmStopped'),
    nodeRemove: order('nodeRemove'),
    async joinNode(spec, by) {
      await order('joinNode')(spec.name, by);
      const joined: Member = { ...member(spec.name, spec.role, 9), ...spec };
      state = { ...state, members: { ...state.members, [spec.name]: joined } };
    },
    migrateLog: order('migrateLog'),
    setMaintenance: order('setMaintenance'),
    simulate: (request) => ({
      node: JSON.stringify(request),
      quorate: true,
      sides:
        request.kind === 'partition'
          ? request.sides.map((nodes) => ({ nodes, quorate: nodes.length > 1 }))
          : [],
      moves: [
        {
          group: 'db',
          kind: 'take-over',
          from: 'n1',
          to: null,
          reason: 'n2 is out of sync',
          expectedOutageMs: null,
          when: null,
        },
      ],
      sentences: ['db would stay down.'],
    }),
    drill: (group) =>
      Promise.resolve({
        group,
        from: 'n1',
        to: 'n2',
        outageMs: 1234,
        writes: { acknowledged: 800, lost: 0 },
        sentence: 'db moved.',
      }),
    async tokenAdd(hash, expiresAtMs, by) {
      await order('tokenAdd')(by);
      state = { ...state, tokens: { ...state.tokens, [hash]: { expiresAtMs } } };
    },
    tokenUse(hash) {
      if (!Object.hasOwn(state.tokens, hash))
        return Promise.reject(new EterneError('unauthorized', 'the token was used'));
      const { [hash]: _used, ...tokens } = state.tokens;
      state = { ...state, tokens };
      return Promise.resolve();
    },
    async accountPut(account, by) {
      await order('accountPut')(account.name, by);
      state = { ...state, accounts: { ...state.accounts, [account.name]: account } };
    },
    async accountRemove(name, by) {
      await order('accountRemove')(name, by);
      const { [name]: _removed, ...accounts } = state.accounts;
      state = { ...state, accounts };
    },
  };
}
