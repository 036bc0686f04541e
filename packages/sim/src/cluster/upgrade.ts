/**
 * A rolling upgrade among faults. Every machine begins with a program of the first feature level; one after another gets this program, now and then one gets its
 * old one back, and somebody asks for what is new all the time. Promises:
 *
 * 1. What an older program cannot read is never written to it, in an entry or a snapshot (`asOlder`).
 * 2. What is new is refused until the level is raised, which it is not before every machine has told that it can; and then it is taken.
 * 3. The level never falls, and no program goes on above its own; who has to stop for that was upgraded before.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EterneError } from '@eterne/base';
import type { LogSubject } from '@eterne/cluster/ports.ts';
import type { Service } from '@eterne/cluster/service/service.ts';
import type { Command } from '@eterne/cluster/state/commands.ts';
import { ADDITIONS, FIRST_LEVEL, Levels, LEVELS } from '@eterne/cluster/state/levels.ts';
import type { ClusterState } from '@eterne/cluster/state/model.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';
import type { Machine } from './machine.ts';

export const OLDER = new Levels(ADDITIONS, FIRST_LEVEL);

/** The next machine after so long. */
const EXCHANGE_MS = [1_500, 9_000] as const;
/** … gets its old program back, instead of another a new one. */
const BACK_CHANCE = 0.25;
const ASK_MS = 700;

export class Upgrade {
  private readonly universe: Universe;
  private readonly machines: readonly Machine[];
  private readonly chance: Prng;
  /** Machines that have told a higher level in an entry. */
  private readonly told = new Set<string>();
  private level = FIRST_LEVEL;
  private isCalm = false;

  constructor(universe: Universe, machines: readonly Machine[]) {
    this.universe = universe;
    this.machines = machines;
    this.chance = universe.prng('upgrade');
  }

  begin(): void {
    this.exchangeLater();
    this.askLater();
  }

  /** Everybody gets the new program now, and keeps it. */
  end(): void {
    this.isCalm = true;
    for (const machine of this.machines) if (machine.levels !== LEVELS) machine.exchange(LEVELS);
  }

  applied({ place, levels }: Machine, command: Command, { level }: ClusterState): void {
    if (command.kind === 'node-report' && command.level > FIRST_LEVEL) this.told.add(command.name);
    if (level > levels.program)
      this.violate(`${place.name} goes on at level ${level} with a program of level ${levels.program}`);
    this.level = Math.max(this.level, level);
    if (level > FIRST_LEVEL && !this.machines.every((each) => this.told.has(each.place.name)))
      this.violate(`the level is ${level}, and not every machine has told that it can`);
  }

  /** Its program is too old: the launcher ends the node. */
  stopped(machine: Machine, error: EterneError): void {
    const { name } = machine.place;
    this.universe.trace.line(name, `ends: ${error.message}`);
    const isRight = error.code === 'needs-upgrade' && machine.levels === OLDER && this.told.has(name);
    if (!isRight) this.violate(`${name} stops: ${error.message}`);
    machine.end();
    if (this.isCalm) machine.exchange(LEVELS);
  }

  defects(state: ClusterState | undefined): string[] {
    if (state?.level === LEVELS.program && state.config.onShutdown === 'freeze') return [];
    return [`the level is ${state?.level}, and what is new is not in use`];
  }

  private exchangeLater(): void {
    this.universe.scheduler.after(this.chance.between(...EXCHANGE_MS), () => {
      if (this.isCalm) return;
      this.exchangeLater();
      const isBack = this.chance.chance(BACK_CHANCE);
      const [from, to] = isBack ? [LEVELS, OLDER] : [OLDER, LEVELS];
      const machine = this.chance.pick(
        this.machines.filter(({ levels, node }) => levels === from && node.poweredOn),
      );
      machine?.exchange(to);
    });
  }

  /** Promise 2, asked of whoever knows what it is. */
  private askLater(): void {
    this.universe.scheduler.after(ASK_MS, () => {
      this.askLater();
      const machine = this.chance.pick(this.machines);
      const process = machine?.process('service');
      const service = machine?.levels === LEVELS ? machine.service : undefined;
      if (process === undefined || process.paused || service === undefined) return;
      process.enter(() => this.ask(service));
    });
  }

  private ask(service: Service): void {
    const { config, revision, groups } = service.state;
    if (Object.keys(groups).length === 0) return;
    const isOn = this.isCalm || this.chance.chance(0.5);
    const change = { kind: 'cluster', config: { ...config, onShutdown: isOn ? 'freeze' : 'move' } } as const;
    if (isDeepStrictEqual(change.config, config)) return;
    service.submit({ kind: 'configure', changes: [change], revision, atMs: 0 }, (result) => {
      const isTaken = result.kind === 'applied' && result.refused === undefined;
      if (isTaken && service.state.level === FIRST_LEVEL)
        this.violate('what is new was taken below its feature level');
    });
  }

  private violate(what: string): void {
    this.universe.violate('level', what);
  }
}

/** The log's subject, as strict as a program that knows nothing of the additions: promise 1. */
export function asOlder(
  subject: LogSubject<Command>,
  levels: Levels,
  violate: (what: string) => void,
): LogSubject<Command> {
  if (levels.program === LEVELS.program) return subject;
  const check = (bytes: Buffer): void => {
    const strange = strangeIn(bytes, levels.program);
    if (strange !== undefined) violate(`a program of level ${levels.program} is given ${strange}`);
  };
  return {
    ...subject,
    decode: (bytes) => {
      check(bytes);
      return subject.decode(bytes);
    },
    restoreSnapshot: (bytes, index) => {
      check(bytes);
      subject.restoreSnapshot(bytes, index);
    },
  };
}

interface Document {
  readonly level?: number;
  readonly command?: Command;
  readonly state?: ClusterState;
}

function strangeIn(bytes: Buffer, program: number): string | undefined {
  const { level = FIRST_LEVEL, command, state } = JSON.parse(bytes.toString()) as Document;
  if (level > program || (state?.level ?? FIRST_LEVEL) > program) return undefined;
  const isKnown =
    command === undefined
      ? state === undefined || isDeepStrictEqual(LEVELS.stateAsOf(state, program), state)
      : LEVELS.levelOf(command) <= program && isDeepStrictEqual(LEVELS.entryAsOf(command, program), command);
  return isKnown ? undefined : `what it does not know: ${command?.kind ?? 'a snapshot'}`;
}
