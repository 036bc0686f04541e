/** Runs in a guest: one action of the cluster's `shared-disk` agent, as the node NODE, on DEVICE. Arguments: NODE ACTION DEVICE; prints the answer as JSON. */
import { writeFileSync } from 'node:fs';
import { sharedDiskAgent } from '@eterne/cluster/monitor/agents/shared-disk/agent.ts';
import { identityPath } from '@eterne/cluster/node/layout.ts';
import { Subject } from '../../../../packages/cluster/test/monitor/agents/subject.ts';
import { makeHands } from '../../../../packages/cluster/test/monitor/hands.ts';

const [node = '', action = '', device = ''] = process.argv.slice(2);
const hands = await makeHands({ after: () => {} });
writeFileSync(identityPath(hands.dir), JSON.stringify({ clusterId: 'c', node }));
const subject = new Subject(hands, sharedDiskAgent, { device }, 60_000);
const actions = {
  start: () => subject.start(),
  stop: () => subject.stop(),
  check: () => subject.check(),
  find: () => subject.find(),
};
const answer = await actions[action as keyof typeof actions]();
process.stdout.write(`${JSON.stringify(answer)}\n`);
process.exit(0);
