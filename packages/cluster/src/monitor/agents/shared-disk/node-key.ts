/** The reservation key of this node: the same at every start, another on every node of every cluster. */
import { createHash } from 'node:crypto';
import { EterneError } from '@eterne/base';
import { Fields } from '../../../node/fields.ts';
import { identityPath } from '../../../node/layout.ts';
import type { Hands } from '../agent.ts';

/** First byte of our keys, so that an operator who lists them knows whose they are. */
const PREFIX = 'e7';
const KEY_DIGITS = 16;

/** As sg_persist prints it: `0xe7…`, 8 bytes. */
export function readNodeKey(hands: Hands, done: (key: string | EterneError) => void): void {
  const path = identityPath(hands.dir);
  hands.world.files.readFile(path, (content) => {
    if (content instanceof EterneError) return done(content);
    if (content === undefined) return done(new EterneError('config', `${path} is missing`));
    try {
      const fields = Fields.parse(path, content);
      const name = `${fields.text('clusterId')}/${fields.text('node')}`;
      const digest = createHash('sha256').update(name).digest('hex');
      done(`0x${PREFIX}${digest.slice(0, KEY_DIGITS - PREFIX.length)}`);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      done(error);
    }
  });
}
