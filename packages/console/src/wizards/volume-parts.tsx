/** The disks of a volume that has several: names and sizes, in their order. */
import { useLanguage } from '../i18n/language.tsx';
import { MAX_PARTS, partNameProblem, sizeProblem, withDisk, type Disks } from './documents.ts';
import { TextField } from './fields.tsx';

export function Parts({ disks, change }: { disks: Disks; change: (disks: Disks) => void }) {
  const { t } = useLanguage();
  return (
    <fieldset className="field">
      <legend className="field-label">{t.parts}</legend>
      {disks.map((_, index) => (
        <Part key={index} disks={disks} index={index} change={change} />
      ))}
      <span className="field-help">{t.partsGrowHelp}</span>
      <div className="wizard-actions">
        <button
          type="button"
          className="quiet"
          disabled={disks.length === 2}
          onClick={() => change([disks[0], ...disks.slice(1, -1)])}
        >
          {t.partRemove}
        </button>
        <button
          type="button"
          className="quiet"
          disabled={disks.length === MAX_PARTS}
          onClick={() => change([...disks, { name: '', size: '1GiB', devices: {} }])}
        >
          {t.partAdd}
        </button>
      </div>
    </fieldset>
  );
}

function Part({ disks, index, change }: { disks: Disks; index: number; change: (disks: Disks) => void }) {
  const { t } = useLanguage();
  const { name = '', size = '' } = disks[index] ?? {};
  const nameProblem = partNameProblem(disks, index);
  const problem = sizeProblem(size);
  return (
    <div className="replica part">
      <TextField
        label={t.diskName(index + 1)}
        value={name}
        problem={nameProblem === null || name === '' ? null : t.problem[nameProblem]}
        onChange={(value) => change(withDisk(disks, index, { name: value }))}
      />
      <TextField
        label={t.diskSize(index + 1)}
        value={size}
        problem={problem && t.problem[problem]}
        onChange={(value) => change(withDisk(disks, index, { size: value }))}
      />
    </div>
  );
}
