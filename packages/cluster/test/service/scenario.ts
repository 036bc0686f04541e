/**
 * A scenario: real services on fake machines in virtual time, told in three files.
 *
 *   cluster    what there is, one line each:
 *                members n1 n2 w1              names that begin with w are witnesses
 *                older n1 w1                   their program knows the first feature level only
 *                fencing n1 n2                 these have a fence device
 *                tie delay=DUR                 two nodes: who has fenced the other goes on, the one without priority after so long
 *                on-shutdown move|freeze|conditional
 *                volume data n1 n2
 *                group db n1 n2 [volume=data] [failback=any|HH:MM-HH:MM] [attempts=N] [window=DUR] [stop=block|kill|fence]
 *                         [with=G,…] [apart=G,…] [after=G,…] [links=eth0,…] [watch=KIND:POLICY,…] [unit=UNIT]
 *   commands   what happens, one line each; see `VERBS`. A line that begins with # is a remark
 *   expect     each command, then the timeline's new lines, then where every group is, by the log and in truth
 *
 * Who leads is nobody's subject here (Raft has its own transcripts): when the leader reaches no majority for 800 ms the first member that does
 * leads, witnesses first. After every millisecond no group may run on two nodes.
 */
import { parseDurationMs } from '@eterne/base';
import type { Command } from '../../src/state/commands.ts';
import { LEVELS } from '../../src/state/levels.ts';
import type { Profile, GroupRules, GroupSpec, ResourceDefinition } from '../../src/state/model.ts';
import { NO_RULES, sortedValues } from '../../src/state/model.ts';
import type { Trouble, TroubleKind } from '../../src/state/watch.ts';
import { parseDocument } from '../../src/service/config/document.ts';
import { configureCommand, planDocument } from '../../src/service/config/plan.ts';
import { explainGroup } from '../../src/service/explain.ts';
import { device } from '../fencing/device.ts';
import type { FakeMachine } from './fake-cluster.ts';
import { checkEntry, FIRST } from '../state/levels/ages.ts';
import type { Program } from './fake-cluster.ts';
import { FakeCluster, group, member, volume } from './fake-cluster.ts';
import { FakePair } from './fake-pair.ts';

const ELECTION_MS = 800;
const SETTLE_MS = 3000;

const linesOf = (text: string): readonly string[] =>
  text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));

export function runScenario(clusterText: string, commandsText: string): string {
  const scenario = new Scenario(clusterText);
  const parts = linesOf(commandsText).map((line) => scenario.play(line));
  return [scenario.begin, ...parts].join('\n');
}

const KINDS: readonly string[] = ['members', 'older', 'fencing', 'tie', 'on-shutdown', 'volume', 'group'];

class Scenario {
  readonly begin: string;
  readonly #cluster: FakeCluster;
  #eventId = 0;
  #ended = 0;
  #silentSinceMs: number | undefined;

  constructor(text: string) {
    const lines = linesOf(text).map((line) => line.split(/\s+/));
    const of = (kind: string): readonly (readonly string[])[] =>
      lines.filter(([first]) => first === kind).map(([, ...words]) => words);
    const odd = lines.find(([kind = '']) => !KINDS.includes(kind));
    if (odd) throw new Error(`not a line of a cluster: ${odd.join(' ')}`);
    const older = of('older').flat();
    this.#cluster = new FakeCluster(
      of('members').flat(),
      new Map(older.map((name) => [name, FIRST_PROGRAM])),
    );
    this.#cluster.time.every(20, () => this.#watchLeader());
    this.#fence(of('fencing').flat());
    this.#set(of('tie').flat(), of('on-shutdown').flat());
    this.#cluster.configure(
      of('volume').map(([name = '', ...nodes]) => volume(name, nodes)),
      of('group').map(groupOf),
    );
    this.#cluster.time.run(SETTLE_MS);
    for (const [name = '', ...nodes] of of('volume')) this.#joinSet(name, nodes);
    const witness = of('members')
      .flat()
      .find((name) => name.startsWith('w'));
    if (witness !== undefined) this.#cluster.elect(witness);
    this.#cluster.time.run(SETTLE_MS);
    this.#takeEvents();
    this.begin = `(in the beginning)\n${this.#places()}\n`;
  }

  play(line: string): string {
    const [verb = '', ...words] = line.split(/\s+/);
    const act = VERBS[verb];
    if (!act) throw new Error(`no command ${verb}`);
    let said = '';
    try {
      said = act(this.#cluster, words, line) ?? '';
    } catch (error) {
      said = error instanceof Error ? `refused: ${error.message}` : String(error);
    }
    const outcome = [said, ...this.#takeEvents(), ...this.#takeEnds(), this.#places()].filter(
      (part) => part !== '',
    );
    return `> ${line}\n${outcome.join('\n')}\n`;
  }

  /** As after the first copies. */
  #joinSet(name: string, nodes: readonly string[]): void {
    const primary = this.#cluster.state().volumes[name]?.primary;
    if (primary) this.#cluster.machine(primary).disk.propose(name, nodes, () => {});
    this.#cluster.time.run(100);
  }

  #fence(nodes: readonly string[]): void {
    if (nodes.length === 0) return;
    const cluster = this.#cluster;
    const config = { ...cluster.state().config, fencing: nodes.map((node) => device({ node })) };
    const { revision } = cluster.state();
    cluster.submit({ kind: 'configure', revision, changes: [{ kind: 'cluster', config }], atMs: 0 });
    for (const { monitor } of cluster.machines.values()) monitor.onFence = (node) => cluster.powerOff(node);
  }

  #set([tie]: readonly string[], [onShutdown]: readonly string[]): void {
    const cluster = this.#cluster;
    if (tie === undefined && onShutdown === undefined) return;
    if (tie !== undefined) cluster.pair = new FakePair(cluster);
    const { config, revision } = cluster.state();
    const tieBreaker =
      tie === undefined
        ? config.tieBreaker
        : { kind: 'fencing' as const, delayMs: parseDurationMs(split(tie, '=')[1]), ping: [] };
    const changed = {
      ...config,
      tieBreaker,
      onShutdown: (onShutdown ?? config.onShutdown) as typeof config.onShutdown,
    };
    cluster.submit({
      kind: 'configure',
      revision,
      changes: [{ kind: 'cluster', config: changed }],
      atMs: 0,
    });
  }

  #watchLeader(): void {
    const { leader, time } = this.#cluster;
    if (leader !== undefined && this.#leads(leader)) {
      this.#silentSinceMs = undefined;
      return;
    }
    this.#silentSinceMs ??= time.bootMs();
    if (time.bootMs() - this.#silentSinceMs < ELECTION_MS) return;
    const able = [...this.#cluster.machines.keys()].filter((name) => this.#leads(name));
    const next = able.find((name) => name.startsWith('w')) ?? able[0];
    if (next !== undefined) this.#cluster.elect(next);
  }

  #leads(name: string): boolean {
    return this.#cluster.reachesMajority(name) && !this.#cluster.machine(name).log.closed;
  }

  /** Whoever knows most tells the timeline: also a cluster without a majority has one. */
  #newest(): FakeMachine {
    return [...this.#cluster.machines.values()].reduce((best, machine) =>
      machine.service.state.eventId > best.service.state.eventId ? machine : best,
    );
  }

  #takeEvents(): readonly string[] {
    const { events, eventId } = this.#newest().service.state;
    const fresh = events.filter(({ id }) => id > this.#eventId);
    this.#eventId = eventId;
    return fresh
      .filter(({ code }) => code !== 'cluster.leader')
      .map(
        ({ level, message }) => `  ${level === 'info' ? ' ' : level === 'warning' ? '!' : '!!'} ${message}`,
      );
  }

  #takeEnds(): readonly string[] {
    const ends = [...this.#cluster.ended].slice(this.#ended);
    this.#ended += ends.length;
    return ends.map(([node, error]) => `  * ${node} ends: ${error.message}`);
  }

  #places(): string {
    const { state } = this.#newest().service;
    return sortedValues(state.groups)
      .map(({ spec: { name }, phase, owner, reason }) => {
        const machines = [...this.#cluster.machines.values()];
        const running = machines.filter((machine) => this.#cluster.runs(name, machine.name));
        const [still, truly] = [true, false].map((paused) =>
          running.filter(({ time }) => time.paused === paused).map((machine) => machine.name),
        );
        const byHand = machines
          .filter(({ monitor }) => [...monitor.byHand].some((key) => key.startsWith(`${name}/`)))
          .map((machine) => machine.name);
        const also = [
          ...(still?.map((node) => `; stands still on ${node}`) ?? []),
          ...byHand.map((node) => `; by hand on ${node}`),
        ].join('');
        const where = owner === null ? '' : ` on ${owner}`;
        const why = phase === 'online' || reason === '' ? '' : ` (${reason})`;
        return `= ${name}: ${phase}${where}${why}; runs ${truly?.[0] === undefined ? 'nowhere' : `on ${truly.join(', ')}`}${also}`;
      })
      .join('\n');
  }
}

function groupOf([name = '', ...words]: readonly string[]): GroupSpec {
  const options = new Map(words.filter((word) => word.includes('=')).map((word) => split(word, '=')));
  const nodes = words.filter((word) => !word.includes('='));
  const unit = options.get('unit');
  const plain = group(name, nodes, options.get('volume'));
  // A unit can run without anybody of the cluster having started it.
  const resources = plain.resources.map((resource) =>
    unit === undefined || resource.name !== 'app'
      ? resource
      : { ...resource, type: `systemd:${unit}`, params: {} },
  );
  const spec = { ...plain, resources };
  const failback = options.get('failback');
  const restart = {
    attempts: Number(options.get('attempts') ?? 2),
    windowMs: parseDurationMs(options.get('window') ?? '10m'),
  };
  const list = (key: keyof GroupRules): readonly string[] => options.get(key)?.split(',') ?? NO_RULES[key];
  const links = options.get('links')?.split(',');
  const ip = links && { ...spec.resources[0], name: 'ip', type: 'ip', params: { interfaces: links } };
  return {
    ...spec,
    watch: Object.fromEntries((options.get('watch')?.split(',') ?? []).map((word) => split(word, ':'))),
    failback: {
      enabled: failback !== undefined,
      window: failback === undefined || failback === 'any' ? null : failback,
    },
    rules: { with: list('with'), apart: list('apart'), after: list('after') },
    onStopFailure: (options.get('stop') ?? 'block') as GroupSpec['onStopFailure'],
    resources: [...(ip === undefined ? [] : [ip as ResourceDefinition]), ...spec.resources].map((resource) =>
      Object.assign({}, resource, { restart }),
    ),
  };
}

function split(text: string, at: string): [string, string] {
  const [first = '', ...rest] = text.split(at);
  return [first, rest.join(at)];
}

/** As a program of before all additions. */
const FIRST_PROGRAM: Program = {
  levels: FIRST,
  check: (bytes) => checkEntry(bytes, FIRST, LEVELS),
};

type Verb = (cluster: FakeCluster, words: readonly string[], line: string) => string | void;

const each =
  (act: (cluster: FakeCluster, name: string) => void): Verb =>
  (cluster, names) => {
    for (const name of names) act(cluster, name);
  };
const order =
  (make: (words: readonly string[]) => Omit<Command, 'atMs'>): Verb =>
  (cluster, words) =>
    cluster.submit({ ...make(words), atMs: 0 } as Command);
const mode = (wanted: 'active' | 'standby' | 'maintenance'): Verb =>
  order(([name = '']) => ({ kind: 'node-mode', name, mode: wanted }) as Omit<Command, 'atMs'>);

function proposeSet(
  cluster: FakeCluster,
  name: string,
  change: (members: readonly string[]) => readonly string[],
): void {
  const agreed = cluster.state().volumes[name];
  cluster
    .machine(agreed?.primary ?? '')
    .disk.propose(name, change(agreed?.inSyncSet.members ?? []), () => {});
  cluster.time.run(100);
}

/** `NODE VERB GROUP/RESOURCE`: the monitor's word for an action that fails. */
const actionOf = ([, verb = '', key = '']: readonly string[]): string => `${verb} ${key.replace(':', '')}`;

const VERBS: Readonly<Record<string, Verb>> = {
  run: (cluster, [time = '']) => cluster.time.run(parseDurationMs(time)),
  /** `await GROUP NODE DUR`: online there, in so much time. */
  await: (cluster, [name = '', node = '', time = '']) => {
    try {
      cluster.untilOnline(name, node, parseDurationMs(time));
    } catch {
      return `NOT within ${time}`;
    }
    return `within ${time}`;
  },
  'power-off': each((cluster, name) => cluster.powerOff(name)),
  'power-on': each((cluster, name) => cluster.powerOn(name)),
  /** Its program is exchanged while it is off. */
  upgrade: each((cluster, name) => cluster.exchange(name)),
  downgrade: each((cluster, name) => cluster.exchange(name, FIRST_PROGRAM)),
  /** Asks it to lead. */
  lead: each((cluster, name) => cluster.elect(name)),
  /** `on-shutdown NODE POLICY`: its document, applied there. */
  'on-shutdown': (cluster, [name = '', policy = '']) => {
    const { config, revision } = cluster.state(name);
    const onShutdown = policy as typeof config.onShutdown;
    const changes = [{ kind: 'cluster' as const, config: { ...config, onShutdown } }];
    cluster.submitAt(name, { kind: 'configure', revision, changes, atMs: 0 });
  },
  /** `profile NODE PROFILE`: likewise. */
  profile: (cluster, [name = '', wanted = '']) => {
    const { config, revision } = cluster.state(name);
    const changes = [{ kind: 'cluster' as const, config: { ...config, profile: wanted as Profile } }];
    cluster.submitAt(name, { kind: 'configure', revision, changes, atMs: 0 });
  },
  /** `readdress NODE=ADDRESS,…`: a document with these. */
  readdress: (cluster, words) => {
    const nodes = words
      .map((word) => split(word, '='))
      .map(([name, at]) => ({ name, addresses: at.split(',') }));
    const plan = planDocument(cluster.state(), parseDocument({ nodes }));
    cluster.submit(configureCommand(cluster.state(), plan, { atMs: 0 }));
    return plan.steps.map(({ sentence }) => `  ? ${sentence}`).join('\n');
  },
  /** Where a node's disk process lets peers in, and where it looks for them. */
  links: (cluster, [name = '']) => {
    const { listening, volumes } = cluster.machine(name).disk;
    const peers = [...volumes.values()].map(({ config }) => JSON.stringify(config.peers));
    return `  ? ${name} listens at ${listening.join(', ')} for ${peers.join(' ')}`;
  },
  /** `admit NEWCOMER`: one with a program of the first level. */
  admit: order(([name = '']) => {
    const newcomer = { ...member(name), level: FIRST.program };
    return { kind: 'member-add', member: newcomer } as Omit<Command, 'atMs'>;
  }),
  isolate: each((cluster, name) => (cluster.machine(name).connected = false)),
  /** What it sends arrives, and it hears nothing. */
  deafen: each((cluster, name) =>
    Object.assign(cluster.machine(name), { connected: false, oneWay: 'speaks' }),
  ),
  /** It hears everything, and nothing of what it sends arrives. */
  silence: each((cluster, name) =>
    Object.assign(cluster.machine(name), { connected: false, oneWay: 'hears' }),
  ),
  pause: each((cluster, name) => cluster.pause(name)),
  resume: each((cluster, name) => cluster.resume(name)),
  /** `by-hand NODE GROUP/RESOURCE`: somebody, or the machine's own boot, has started it. */
  'by-hand': (cluster, [name = '', key = '']) => void cluster.machine(name).monitor.byHand.add(key),
  rejoin: each((cluster, name) => {
    Object.assign(cluster.machine(name), { connected: true, oneWay: undefined });
    cluster.machine(name).log.catchUp(cluster.entries);
  }),
  /** `flap NODE SILENT HEARD TIMES` */
  flap: (cluster, [name = '', silent = '', heard = '', times = '']) => {
    for (let round = 0; round < Number(times); round += 1) {
      VERBS['isolate']?.(cluster, [name], '');
      cluster.time.run(parseDurationMs(silent));
      VERBS['rejoin']?.(cluster, [name], '');
      cluster.time.run(parseDurationMs(heard));
    }
  },
  /** `leave-politely NODE [reboot]`: in order; `reboot`: its machine says that it comes back. */
  'leave-politely': (cluster, [name = '', how = '']) =>
    cluster.machine(name).service.leave(10_000, () => {}, how === 'reboot'),
  'stop-service': each((cluster, name) => cluster.stopService(name)),
  'start-service': each((cluster, name) => cluster.startService(name)),
  'crash-disk': (cluster, [name = '', time = '']) => cluster.machine(name).disk.crash(parseDurationMs(time)),
  'hang-disk': (cluster, [name = '', time = '']) => cluster.machine(name).disk.hangUp(parseDurationMs(time)),
  /** `crash NODE GROUP RESOURCE`: it dies, and the monitor sees it. */
  crash: (cluster, [name = '', of = '', resource = '']) => cluster.machine(name).monitor.crash(of, resource),
  /** It dies while nobody looks. */
  vanish: (cluster, [name = '', key = '']) => void cluster.machine(name).monitor.running.delete(key),
  break: (cluster, words, line) =>
    void cluster.machine(words[0] ?? '').monitor.failures.set(actionOf(words), split(line, ': ')[1]),
  mend: (cluster, words) => void cluster.machine(words[0] ?? '').monitor.failures.delete(actionOf(words)),
  /** `out-of-sync VOLUME NODE`: a replica leaves the set; its primary proposes it. */
  'out-of-sync': (cluster, [name = '', node = '']) =>
    proposeSet(cluster, name, (members) => members.filter((member) => member !== node)),
  /** A resync is over. */
  'in-sync': (cluster, [name = '', node = '']) =>
    proposeSet(cluster, name, (members) => [...members, node].toSorted()),
  /** `trouble NODE KIND SUBJECT: DETAIL`, `-` for the node itself: one more thing that its monitor finds. */
  trouble: (cluster, [name = '', kind = '', subject = ''], line) => {
    const of = subject.replace(/:$/, '');
    const found: Trouble = {
      kind: kind as TroubleKind,
      subject: of === '-' ? '' : of,
      detail: split(line, ': ')[1],
    };
    cluster.machine(name).monitor.tellTroubles([...(cluster.state().members[name]?.troubles ?? []), found]);
  },
  well: each((cluster, name) => cluster.machine(name).monitor.tellTroubles([])),
  explain: (cluster, [name = '']) => {
    const { service } = cluster.machine([...cluster.machines.keys()][0] ?? '');
    return explainGroup(service.view, name)
      .sentences.map((sentence) => `  ? ${sentence}`)
      .join('\n');
  },
  'jump-clock': (cluster, [time = '']) => {
    const [, sign, duration = ''] = /^([+-])(.*)$/.exec(time) ?? [];
    cluster.time.jumpWall((sign === '-' ? -1 : 1) * parseDurationMs(duration));
  },
  start: order(
    ([name = '']) => ({ kind: 'group-desire', group: name, desired: 'started' }) as Omit<Command, 'atMs'>,
  ),
  stop: order(
    ([name = '']) => ({ kind: 'group-desire', group: name, desired: 'stopped' }) as Omit<Command, 'atMs'>,
  ),
  move: order(
    ([name = '', to = '']) =>
      ({ kind: 'group-move', group: name, to, reason: 'asked for', displaces: false }) as Omit<
        Command,
        'atMs'
      >,
  ),
  delete: (cluster, [name = '']) => {
    const changes = [{ kind: 'group-delete' as const, name }];
    cluster.submit({ kind: 'configure', revision: cluster.state().revision, changes, atMs: 0 });
  },
  standby: mode('standby'),
  activate: mode('active'),
  maintenance: mode('maintenance'),
  'hold-cluster': order(
    ([on = '']) => ({ kind: 'cluster-maintenance', on: on === 'on' }) as Omit<Command, 'atMs'>,
  ),
};
