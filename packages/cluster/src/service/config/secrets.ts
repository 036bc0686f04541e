/** Secrets never leave the cluster: a document shows them masked, and a masked one that is applied leaves what is there. */
import { EterneError } from '@eterne/base';
import type { ChapSecrets } from '@eterne/disk/process/port.ts';
import { MASK } from '../../fencing/secrets.ts';
import type { VolumeExport, VolumeSpec } from '../../state/model.ts';

/** Throws `config` for a masked secret that nobody knows. */
export function withSecrets(spec: VolumeSpec, present: VolumeSpec | undefined): VolumeSpec {
  const known = (part: string) => present?.parts.find(({ name }) => name === part)?.exports;
  return {
    ...spec,
    exports: spec.exports.map((entry) => exportWithSecrets(`volume ${spec.name}`, entry, present?.exports)),
    parts: spec.parts.map(({ exports, ...part }) => {
      const subject = `part ${part.name} of volume ${spec.name}`;
      return {
        ...part,
        exports: exports.map((entry) => exportWithSecrets(subject, entry, known(part.name))),
      };
    }),
  };
}

function exportWithSecrets(
  subject: string,
  entry: VolumeExport,
  present: readonly VolumeExport[] = [],
): VolumeExport {
  if (entry.kind === 'nbd' || entry.chap === undefined) return entry;
  const known = present.find((each) => each.kind === 'iscsi');
  const before = known?.kind === 'iscsi' ? known.chap : undefined;
  const unmask = (key: 'password' | 'mutualPassword', given: string): string => {
    const secret = given === MASK ? before?.[key] : given;
    if (secret !== undefined) return secret;
    throw new EterneError('config', `${subject}: the ${key} of its iscsi export is masked`, {
      hint: 'write the secret itself',
    });
  };
  const { password, mutualPassword, ...rest } = entry.chap;
  const chap: ChapSecrets = {
    ...rest,
    password: unmask('password', password),
    ...(mutualPassword === undefined ? {} : { mutualPassword: unmask('mutualPassword', mutualPassword) }),
  };
  return { ...entry, chap };
}
