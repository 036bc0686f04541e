/** Contenders measured in turn, on a machine whose speed changes from minute to minute: what counts are ratios within a round. */
import { median } from './fio.ts';

/**
 * What `measure` says of each contender, round by round. Every other round goes the other way, so that nobody always comes after the
 * same one.
 */
export async function inRounds<Contender, Figures>(
  contenders: readonly Contender[],
  rounds: number,
  measure: (contender: Contender) => Figures | Promise<Figures>,
): Promise<readonly (readonly Figures[])[]> {
  const figures = contenders.map((): Figures[] => []);
  const order = contenders.map((contender, index) => ({ contender, index }));
  for (let round = 0; round < rounds; round += 1) {
    for (const { contender, index } of order) figures[index]?.push(await measure(contender));
    order.reverse();
  }
  return figures;
}

/** The median of `over` by `under`, of the same round each. */
export function medianRatio(over: readonly number[], under: readonly number[]): number {
  return median(over.map((value, round) => value / (under[round] ?? Number.NaN)));
}
