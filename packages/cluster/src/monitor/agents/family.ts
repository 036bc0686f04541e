/** Ends a resource's processes: asks first, then kills, the daemons that left their group too. */
import { failed, succeeded, type Hands, type Job, type Started } from './agent.ts';

const LOOK_INTERVAL_MS = 20;
/** Of the time a stop has, so much is kept for killing. */
const KILL_SHARE = 0.3;

/** SIGTERM to the process group; what is left after most of `timeoutMs` is killed. Done when nothing of it lives. */
export function stopFamily(hands: Hands, job: Job<unknown>, timeoutMs: number, done: Started): void {
  const { clock, timers, processes, processTrees } = hands.world;
  const startedMs = clock.bootMs();
  const askUntilMs = startedMs + timeoutMs * (1 - KILL_SHARE);
  const members = job.processes.filter(({ pid, startTime }) => processes.alive(pid, startTime));
  for (const { pid } of members) processes.killGroup(pid, 'SIGTERM');
  const areAlive = (): boolean => members.some(({ pid, startTime }) => processes.alive(pid, startTime));
  const look = (): void => {
    if (areAlive() && clock.bootMs() < askUntilMs) return void timers.after(LOOK_INTERVAL_MS, look);
    // First: it finds the children of whom the next kills.
    const marked = processTrees.killMarked(job.mark);
    for (const { pid, startTime } of members)
      if (processes.alive(pid, startTime)) processes.killGroup(pid, 'SIGKILL');
    if (marked === 0 && !areAlive()) return done(succeeded());
    if (clock.bootMs() - startedMs >= timeoutMs)
      return done(failed(`it does not die within ${timeoutMs} ms`));
    timers.after(LOOK_INTERVAL_MS, look);
  };
  look();
}
