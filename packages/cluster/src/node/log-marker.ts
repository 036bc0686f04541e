/**
 * DIR/raft/place.json: which epoch's log this node follows, and where that is. Absent: the first, in the node itself. Written when the log of a new epoch is
 * certain to be there, before the node takes part in it.
 */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { FIRST_LOG } from '../state/log-defaults.ts';
import type { ConsensusSpec, LogPlace } from '../state/model.ts';
import { Fields } from './fields.ts';
import { placePath, raftFolder } from './layout.ts';

const VERSION = 1;
const MODE = 0o600;

export type LogMarker = Pick<LogPlace, 'epoch' | 'consensus'>;

export function readMarker(files: Files, dir: string, done: (result: LogMarker | EterneError) => void): void {
  files.readFile(placePath(dir), (content) => {
    if (content instanceof EterneError) return done(content);
    if (content === undefined) return done(FIRST_LOG);
    try {
      return done(decode(content));
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      return done(error);
    }
  });
}

export function writeMarker(
  files: Files,
  dir: string,
  { epoch, consensus }: LogMarker,
  done: (error: EterneError | undefined) => void,
): void {
  files.makeFolder(raftFolder(dir), (error) => {
    if (error) return done(error);
    const document = { version: VERSION, epoch, ...flat(consensus) };
    files.writeFileAtomic(placePath(dir), Buffer.from(`${JSON.stringify(document, null, 2)}\n`), MODE, done);
  });
}

function flat(consensus: ConsensusSpec): object {
  if (consensus.engine === 'embedded') return { engine: 'embedded', endpoints: [] };
  const { engine, endpoints, ca, cert, key } = consensus;
  return { engine, endpoints, ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
}

function decode(content: Buffer): LogMarker {
  const fields = Fields.parse('place.json', content);
  const version = fields.integer('version');
  if (version !== VERSION)
    throw new EterneError('config', `place.json has version ${version}; this program knows ${VERSION}`);
  const epoch = fields.integer('epoch');
  const engine = fields.oneOf('engine', ['embedded', 'etcd']);
  const endpoints = fields.texts('endpoints');
  if (engine === 'embedded') {
    fields.end();
    return { epoch, consensus: { engine } };
  }
  const [ca = null, cert = null, key = null] = ['ca', 'cert', 'key'].map((name) => fields.text(name) || null);
  fields.end();
  return { epoch, consensus: { engine, endpoints, ca, cert, key } };
}
