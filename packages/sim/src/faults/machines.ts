/** Processes that die, stop and go on; machines that lose power, are suspended, or wake up with disks of yesterday. */
import { DISK_OPERATIONS } from '../run/tally.ts';
import type { Fault } from './plan.ts';

export const MACHINE_FAULTS: Readonly<Record<string, Fault>> = {
  'kill of all': ({ victims }, node) => {
    for (const process of Array.from(node.processes)) process.crash();
    return () => victims.revive(node);
  },
  'kill of one': ({ victims }, node, chance) => {
    chance.pick([...node.processes])?.crash();
    return () => victims.revive(node);
  },
  'kill in the middle of disk operations': ({ victims }, node, chance) => {
    const only = chance.chance(0.6) ? chance.pick(DISK_OPERATIONS) : undefined;
    const count = only === undefined ? chance.whole(1, 60) : chance.whole(1, 3);
    for (const process of node.processes) process.crashAfterOperations(count, only);
    return () => {
      for (const process of node.processes) process.crashAfterOperations(0);
      victims.revive(node);
    };
  },
  'power loss': ({ victims }, node) => {
    node.powerOff();
    return () => {
      node.powerOn();
      victims.revive(node);
    };
  },
  'power loss of all': ({ victims }) => {
    for (const node of victims.nodes) node.powerOff();
    return () => {
      for (const node of victims.nodes) node.powerOn();
      for (const node of victims.nodes) victims.revive(node);
    };
  },
  'power loss, then disks of yesterday': ({ victims }, node) => {
    node.powerOff();
    return () =>
      victims.rollBack(node, () => {
        node.powerOn();
        victims.revive(node);
      });
  },
  'pause of one': (_plan, node, chance) => {
    const stopped = chance.pick([...node.processes]);
    stopped?.pause();
    return () => stopped?.resume();
  },
  'pause of all': (_plan, node) => {
    const stopped = [...node.processes];
    for (const process of stopped) process.pause();
    return () => {
      for (const process of stopped) process.resume();
    };
  },
  suspend: (plan, node) => {
    // The kernel sleeps too: nothing is acknowledged, datagrams are lost, and the boot clock runs on.
    const wake = plan.cutOff(node, [true, true]);
    const stopped = [...node.processes];
    for (const process of stopped) process.pause();
    return () => {
      wake();
      for (const process of stopped) process.resume();
    };
  },
  'wall clock step': (_plan, node, chance) => {
    node.stepWallClock(chance.between(-1e7, 1e7));
    return () => undefined;
  },
  'switch-over': ({ victims }) => {
    victims.switchOver();
    return () => undefined;
  },
};
