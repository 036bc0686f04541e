/** `eterne demo [--auto]` and `eterne demo stop`. */
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import type { Command } from 'commander';
import type { World } from '@eterne/runtime';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { makeScratchFolder, newestChangeMs, removeFolder } from '@eterne/runtime/node/scratch.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { runAutomatically } from './auto.ts';
import { DemoCluster, type Say } from './cluster.ts';
import { Load } from './load.ts';
import { forgetDemo, recordDemo, stopRecordedDemo } from './record.ts';

const say: Say = (line) => void process.stdout.write(`  ${line}\n`);

export function demoCommand(program: Command): void {
  const demo = program
    .command('demo')
    .description('the main job on this machine alone: two nodes, a witness, a mirrored volume, a service');
  demo
    .option('--auto', 'kill the owning node under load, check that nothing was lost, clean up')
    .action(async (options: { auto?: boolean }) => runDemo(options.auto === true));
  demo
    .command('stop')
    .description('end a demonstration that runs elsewhere')
    .action(async () => say(await stopRecordedDemo(createNodeWorld('demo'))));
}

/** The console is built once, and again when its sources have changed. */
async function buildConsole(world: World): Promise<void> {
  const folder = join(repositoryRoot, 'packages/console');
  const built = newestChangeMs(join(folder, 'dist'));
  if (built > newestChangeMs(join(folder, 'src'))) return;
  say('building the console (once) …');
  const vite = join(repositoryRoot, 'node_modules/vite/bin/vite.js');
  await new Promise<void>((resolve, reject) => {
    world.processes.spawn(
      { command: [process.execPath, vite, 'build', folder], directory: folder, timeoutMs: 300_000 },
      (exit) => {
        if (exit.code === 0) resolve();
        else
          reject(
            new EterneError(
              'io',
              `building the console failed: ${exit.stderr.trim().split('\n').at(-1) ?? ''}`,
            ),
          );
      },
    );
  });
}

async function runDemo(auto: boolean): Promise<void> {
  const world = createNodeWorld('demo');
  await buildConsole(world);
  const folder = makeScratchFolder('eterne-demo-');
  const cluster = await DemoCluster.create(world, folder);
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  recordDemo(process.pid, world);
  const work = auto ? driveAuto(world, cluster) : drivePerson(world, cluster, interrupted);
  try {
    // An interrupt ends the wait at once; what was under way finds its machines stopped.
    await Promise.race([work, interrupted]);
    await cleanUp(cluster);
    removeFolder(folder);
  } catch (error) {
    await cleanUp(cluster);
    say(`what the nodes said is in ${folder}/*/log`);
    throw error;
  } finally {
    work.catch(() => {});
  }
}

async function cleanUp(cluster: DemoCluster): Promise<void> {
  await Promise.all(cluster.machines.map((machine) => machine.stop()));
  forgetDemo();
}

async function driveAuto(world: World, cluster: DemoCluster): Promise<void> {
  await cluster.setUp(say);
  const verdict = await runAutomatically(world, cluster, say);
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
  if (verdict.lost > 0 || !verdict.replicasIdentical) process.exitCode = 1;
}

async function drivePerson(world: World, cluster: DemoCluster, interrupted: Promise<void>): Promise<void> {
  await cluster.setUp(say);
  const load = new Load(world, cluster.ledgerAddress);
  const { user, password, token } = cluster.access;
  const consoles = cluster.nodes.map(({ spec }) => cluster.consoleUrl(spec.name));
  const apis = consoles.map((url) => url.replace(/\/$/, '')).join(',');
  say('');
  say(`Console   ${consoles.join('  or  ')}`);
  say(`Log-in    ${user} / ${password}`);
  say(`CLI       export ETERNE_API=${apis} ETERNE_TOKEN=${token}`);
  say('          ./eterne status');
  say(`Ledger    http://${cluster.ledgerAddress}/status   (the demonstration's application, under load)`);
  for (const { spec, pid } of cluster.machines)
    say(`${spec.name.padEnd(9)} kill -9 -${pid ?? '?'}   pulls its plug; its data is in ${spec.dir}`);
  say('');
  say('Ctrl-C ends it and leaves nothing behind.');
  await interrupted;
  await load.stop();
}
