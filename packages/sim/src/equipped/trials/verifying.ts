import type { MirrorScenario } from '../../mirror/scenario.ts';
import { verifyAll } from './await.ts';

/** No false alarm: clients write while the copies are compared, and nothing has altered any of them. */
export function tryVerify(scenario: MirrorScenario): void {
  for (const { differingBytes, method } of verifyAll(scenario, false))
    if (differingBytes > 0)
      scenario.universe.violate(
        'false-alarm',
        `a ${method} verify finds ${differingBytes} bytes that differ, though nothing does`,
      );
}
