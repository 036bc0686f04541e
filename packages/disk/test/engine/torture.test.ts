import { describe, test } from 'node:test';
import { Load, numbers } from './support/load.ts';
import { Pair } from './support/pair.ts';

function makePair(random: (bound: number) => number, checksums: 'none' | 'crc32c' = 'none'): Pair {
  const style = random(3);
  const diskDelayMs = (): number =>
    style === 0 ? 0 : style === 1 ? random(3) : random(10) === 0 ? random(40) : 0.1;
  const pair = new Pair({ diskDelayMs, config: { checksums } });
  if (random(2) === 0) pair.network.pieceBytes = () => 1 + random(9000);
  return pair.startMirror();
}

function settle(pair: Pair, load: Load): void {
  pair.network.isCut = false;
  pair.until(() => load.inFlight === 0, 30_000);
  pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2, 30_000);
  pair.assertIdentical();
  load.verify(pair.a.data.content);
}

describe('at random', () => {
  for (let seed = 1; seed <= 6; seed += 1) {
    const checksums = seed > 4 ? 'crc32c' : 'none';
    test(`the peer comes and goes under load, seed ${seed}, checksums ${checksums}`, () => {
      const random = numbers(seed);
      const pair = makePair(random, checksums);
      const load = new Load(random);
      let isUp = true;
      for (let round = 0; round < 500; round += 1) {
        for (let count = random(6); count > 0; count -= 1) load.step(pair.a);
        pair.scheduler.runFor(random(20));
        const event = random(60);
        if (event === 0 && isUp) {
          pair.b.kill(random(2) === 0);
          isUp = false;
        } else if (event <= 2 && !isUp) {
          pair.b.start();
          isUp = true;
        } else if (event === 3) pair.network.isCut = !pair.network.isCut;
      }
      if (!isUp) pair.b.start();
      settle(pair, load);
    });

    test(`switch-overs and crashes of the primary, seed ${seed}`, () => {
      const random = numbers(1000 + seed);
      const pair = makePair(random);
      const load = new Load(random);
      let [primary, other] = [pair.a, pair.b];
      for (let round = 0; round < 12; round += 1) {
        for (let step = 0; step < 30; step += 1) {
          for (let count = random(6); count > 0; count -= 1) load.step(primary);
          pair.scheduler.runFor(random(10));
        }
        if (random(2) === 0) pair.demote(primary);
        else {
          primary.kill();
          load.forgetBusy();
          pair.until(() => other.volume.status().peers[0]?.connection === 'Connecting');
        }
        pair.promote(other, { force: true });
        [primary, other] = [other, primary];
        for (let count = random(6); count > 0; count -= 1) load.step(primary);
        pair.scheduler.runFor(random(300));
        if (!other.isUp) other.start();
        pair.until(() => pair.isEqual() && primary.volume.status().inSyncSet.length === 2, 30_000);
      }
      settle(pair, load);
    });
  }
});
