export { runMirror, type ScenarioOptions } from './mirror/scenario.ts';
export type { SeedResult } from './run/result.ts';
export { Universe, type Violation } from './world/universe.ts';
