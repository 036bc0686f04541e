import type { LastVerify } from '@eterne/disk/engine/api.ts';
import type { MirrorScenario } from '../../mirror/scenario.ts';

const STEP_MS = 50;
const VERIFY_MS = 60_000;

/** Lets the world run until it is so; if it is not in time, that is a violation. */
export function awaitThat(
  { universe }: MirrorScenario,
  what: string,
  limitMs: number,
  isSo: () => boolean,
): boolean {
  const deadline = universe.nowMs + limitMs;
  while (universe.violation === undefined && !isSo()) {
    if (universe.nowMs >= deadline) universe.violate('trial', `not within ${limitMs} ms: ${what}`);
    universe.runUntil(universe.nowMs + STEP_MS);
  }
  return universe.violation === undefined;
}

/** Compares every peer with the primary, and answers what came of it; one that was cut short is begun again. */
export function verifyAll(scenario: MirrorScenario, repair: boolean): readonly LastVerify[] {
  const results: LastVerify[] = [];
  const isOver = (): boolean => {
    const peers = scenario.primary?.volume.status().peers ?? [];
    const ended = peers.map(({ lastVerify, verify }) => (verify === null ? lastVerify : null));
    const isDone = ended.every((last) => last !== null && last.isDone && last.endedWallMs > beganWallMs);
    if (isDone && ended.length > 0) results.splice(0, results.length, ...(ended as LastVerify[]));
    else if (ended.every((last) => last !== null)) begin();
    return results.length > 0;
  };
  let beganWallMs = 0;
  const begin = (): void => {
    const { primary } = scenario;
    if (primary === undefined) return;
    // Later than the end of any earlier one.
    beganWallMs = Math.max(
      primary.node.wallMs(),
      ...primary.volume.status().peers.map(({ lastVerify }) => lastVerify?.endedWallMs ?? 0),
    );
    primary.host.process.enter(() => primary.volume.verify({ fast: false, repair }, () => undefined));
  };
  begin();
  awaitThat(scenario, 'a verify of a whole mirror ends', VERIFY_MS, isOver);
  return results;
}
