/**
 * `npm run bench -- NAME [options]`: one benchmark, its figures on stdout. On a machine that does other work meanwhile, `chrt -r 5 npm run bench -- NAME`
 * lets everything that is measured, of both sides, go first.
 */
import { parseArgs } from 'node:util';
import { benchCost } from './cost.ts';
import { benchMetadata } from './metadata.ts';
import { benchMirror } from './mirror.ts';
import { benchNodes } from './nodes.ts';
import { benchResync } from './resync.ts';
import { benchTakeover } from './takeover.ts';
import { benchTarget } from './target.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    nodes: { type: 'string', default: '32' },
    only: { type: 'string' },
  },
});

const options = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  nodes: Number(values.nodes),
  only: values.only,
};

switch (positionals[0]) {
  case 'mirror':
    await benchMirror(options);
    break;
  case 'cost':
    await benchCost(options);
    break;
  case 'resync':
    await benchResync(options);
    break;
  case 'target':
    await benchTarget(options);
    break;
  case 'nodes':
    await benchNodes(options);
    break;
  case 'takeover':
    await benchTakeover(options);
    break;
  case 'metadata':
    benchMetadata();
    break;
  default:
    process.stderr.write(
      'usage: npm run bench -- mirror|cost|resync|target|nodes|takeover|metadata [--rounds N] [--seconds N] [--nodes N] [--only NAME]\n',
    );
    process.exitCode = 2;
}
