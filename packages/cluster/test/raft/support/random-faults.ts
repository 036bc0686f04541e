/** What happens to machines and their ways, and its end. */
import { PROFILES } from '../../../src/profiles.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

export type Fault = (cluster: VirtualCluster, id: string) => void;

/** For so long at most; somebody may start it before. */
export function powerLoss(downMsMax: number): Fault {
  return (cluster, id) => {
    if (cluster.machine(id).log) cluster.losePower(id);
    cluster.time.at(cluster.time.nowMs + cluster.random.below(downMsMax), () => {
      if (!cluster.machine(id).log) cluster.start(id);
    });
  };
}

export const isolation: Fault = (cluster, id) => cluster.isolate(id);
export const suspicion: Fault = (cluster, id) => cluster.suspect(id);

export function pause(msMax: number): Fault {
  return (cluster, id) =>
    void (cluster.machine(id).stoppedUntilMs = cluster.time.nowMs + cluster.random.below(msMax));
}

export function messageLoss(probabilityMax: number): Fault {
  return (cluster) => void (cluster.lossProbability = cluster.random.fraction() * probabilityMax);
}

export const slowLinks: Fault = (cluster) => void (cluster.latencyMs = 1 + cluster.random.below(60));

/** Longer than anybody waits for it, or not so long. */
export function hungDisk(msMax: number): Fault {
  return (cluster, id) => {
    const { disk } = cluster.machine(id);
    disk.hang();
    cluster.time.at(cluster.time.nowMs + cluster.random.below(msMax), () => disk.goOn());
  };
}

export const transfer: Fault = (cluster, id) => {
  const [leader] = cluster.leaders();
  if (leader !== undefined) cluster.logOf(leader).transferLeadership(id);
};

export const FAULTS: readonly Fault[] = [
  powerLoss(1500),
  isolation,
  suspicion,
  (cluster, id) => {
    for (const other of cluster.machines.keys())
      if (cluster.random.chance(0.5)) cluster.cut.add(`${id}>${other}`);
  },
  pause(1500),
  messageLoss(0.3),
  slowLinks,
  (cluster, id) => {
    const { disk } = cluster.machine(id);
    disk.full = true;
    cluster.time.at(cluster.time.nowMs + cluster.random.below(2000), () => (disk.full = false));
  },
  hungDisk(9000),
  transfer,
  (cluster, id) => {
    const [leader] = cluster.leaders();
    if (leader === undefined) return;
    const log = cluster.logOf(leader);
    const voters = log.status().members.filter((member) => member.role === 'voter').length;
    const present = log.status().members.find((member) => member.id === id);
    if (!present) log.changeMember({ kind: 'add-learner', id }, () => {});
    else if (present.role === 'learner') log.changeMember({ kind: 'promote', id }, () => {});
    else if (voters > 3) log.changeMember({ kind: 'remove', id }, () => {});
  },
];

/** Everything works again, and everybody is a member again: then all must come to agree. */
export function repair(cluster: VirtualCluster): void {
  cluster.heal();
  cluster.lossProbability = 0;
  cluster.latencyMs = 1;
  for (const machine of cluster.machines.values()) {
    machine.disk.full = false;
    machine.disk.goOn();
    machine.timing = PROFILES.lan.raft;
    if (!machine.log) cluster.start(machine.id);
  }
}

/** Any member, in any order, at any moment: nothing may rest on when the others hear of a profile. */
export function retime(cluster: VirtualCluster): void {
  for (const machine of cluster.machines.values())
    if (cluster.random.chance(0.25))
      machine.timing = PROFILES[cluster.random.chance(0.5) ? 'lan' : 'wan'].raft;
}
