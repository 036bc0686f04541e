/**
 * A power switch with a plug for every machine, and the fence agent that works it: the real executor runs it as a program. It is slow, and sometimes it
 * fails; what it does to a machine it does whether or not who asked lives to hear of it.
 */
import type { FenceDevice } from '@eterne/cluster/state/model.ts';
import type { Prng } from '../world/prng.ts';
import type { SimProgram } from '../world/programs.ts';
import type { Universe } from '../world/universe.ts';

export const FENCE_AGENT = '/usr/sbin/fence_sim';
const METADATA =
  '<resource-agent><actions><action name="on"/><action name="off"/><action name="status"/><action name="monitor"/></actions></resource-agent>';
const STATUS_OFF = 2;
const TAKES_MS = [20, 900] as const;
/** Until the agent is certain that a machine is on, which may have started and done much by then. */
const ON_TAKES_MS = [0, 9_000] as const;
const FAILS = 0.3;

/** `plug`: the name of the machine. */
export function fenceDeviceOf(node: string, plug: string): FenceDevice {
  return {
    node,
    agent: 'fence_sim',
    params: { plug },
    level: 1,
    action: 'reboot',
    timeoutMs: 5_000,
    retries: 0,
  };
}

export interface PowerEvents {
  /** The machine has power again. */
  readonly switchedOn: (machine: string) => void;
  /** The agent that has switched it on ends after so long, which is when who asked for it hears of it. */
  readonly ends: (machine: string, inMs: number) => void;
}

export function powerSwitch(universe: Universe, events: PowerEvents): SimProgram {
  const chance: Prng = universe.prng('power switch');
  return (spawner, { stdin = '' }, onExit) => {
    const words = new Map(stdin.split('\n').map((line) => line.split('=', 2) as [string, string]));
    const name = words.get('plug') ?? '';
    const action = words.get('action') ?? '';
    universe.scheduler.after(chance.between(...TAKES_MS), () => {
      const code = act(universe, action, name, chance, events);
      const exit = (): void =>
        spawner.enter(() => onExit({ code, stdout: action === 'metadata' ? METADATA : '' }));
      if (action !== 'on') return exit();
      const onMs = chance.between(...ON_TAKES_MS);
      events.ends(name, onMs);
      return universe.scheduler.after(onMs, exit);
    });
  };
}

function act(
  universe: Universe,
  action: string,
  name: string,
  chance: Prng,
  { switchedOn }: PowerEvents,
): number {
  const node = universe.nodes.get(name);
  if (action === 'metadata' || action === 'monitor') return 0;
  if (node === undefined || chance.chance(FAILS)) return 1;
  if (action === 'status') return node.poweredOn ? 0 : STATUS_OFF;
  universe.trace.line('SWITCH', `${name} ${action}`);
  if (action === 'off') node.powerOff();
  else {
    node.powerOn();
    switchedOn(name);
  }
  return 0;
}
