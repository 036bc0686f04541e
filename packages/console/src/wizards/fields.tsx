/** The form elements of the wizards: a label, the element, and a line that helps or says what is wrong. */
import type { ReactNode } from 'react';

export function Field({
  label,
  help,
  problem = null,
  children,
}: {
  label: string;
  help?: string | undefined;
  problem?: string | null;
  children: ReactNode;
}) {
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      {children}
      {problem !== null && <span className="field-problem">{problem}</span>}
      {problem === null && help !== undefined && <span className="field-help">{help}</span>}
    </label>
  );
}

export function TextField({
  label,
  value,
  onChange,
  help,
  problem = null,
  placeholder,
  type = 'text',
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  help?: string | undefined;
  problem?: string | null;
  placeholder?: string;
  type?: 'text' | 'password';
}) {
  return (
    <Field label={label} help={help} problem={problem}>
      <input
        type={type}
        value={value}
        placeholder={placeholder}
        autoCapitalize="none"
        autoComplete={type === 'password' ? 'new-password' : 'off'}
        spellCheck={false}
        aria-invalid={problem !== null}
        onChange={(change) => onChange(change.target.value)}
      />
    </Field>
  );
}

/** What is written one a line. */
export function LinesField({
  label,
  value,
  rows,
  help,
  problem = null,
  onChange,
}: {
  label: string;
  value: string;
  rows: number;
  help: string;
  problem?: string | null;
  onChange: (value: string) => void;
}) {
  return (
    <Field label={label} help={help} problem={problem}>
      <textarea
        className="yaml"
        rows={rows}
        spellCheck={false}
        value={value}
        onChange={(change) => onChange(change.target.value)}
      />
    </Field>
  );
}

export interface Option<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly help?: string;
}

/** One of a few, each with a sentence that says what it means. */
export function Choice<Value extends string>({
  label,
  name,
  value,
  options,
  problem = null,
  onChange,
}: {
  label: string;
  name: string;
  value: Value;
  options: readonly Option<Value>[];
  problem?: string | null;
  onChange: (value: Value) => void;
}) {
  return (
    <fieldset className="field">
      <legend className="field-label">{label}</legend>
      <div className="choices">
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={name}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>
              {option.label}
              {option.help !== undefined && <span className="field-help">{option.help}</span>}
            </span>
          </label>
        ))}
      </div>
      {problem !== null && <span className="field-problem">{problem}</span>}
    </fieldset>
  );
}

/** One of several that need no sentence. */
export function SelectField<Value extends string>({
  label,
  value,
  options,
  help,
  problem = null,
  disabled = false,
  onChange,
}: {
  label: string;
  value: Value;
  options: Readonly<Record<Value, string>>;
  help?: string | undefined;
  problem?: string | null;
  disabled?: boolean;
  onChange: (value: Value) => void;
}) {
  return (
    <Field label={label} help={help} problem={problem}>
      <select value={value} disabled={disabled} onChange={(event) => onChange(event.target.value as Value)}>
        {(Object.entries(options) as [Value, string][]).map(([key, words]) => (
          <option key={key} value={key}>
            {words}
          </option>
        ))}
      </select>
    </Field>
  );
}

export function CheckBox({
  label,
  checked,
  disabled = false,
  onChange,
}: {
  label: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (isWanted: boolean) => void;
}) {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
      />
      <strong>{label}</strong>
    </label>
  );
}

/** What there is: unticked, it goes. */
export function KeepList({
  label,
  help,
  items,
  dropped,
  onChange,
}: {
  label: string;
  help: string;
  items: readonly { readonly key: string; readonly text: string }[];
  dropped: readonly string[];
  onChange: (dropped: readonly string[]) => void;
}) {
  return (
    <fieldset className="field">
      <legend className="field-label">{label}</legend>
      {items.map(({ key, text }) => (
        <CheckBox
          key={key}
          label={text}
          checked={!dropped.includes(key)}
          onChange={(isKept) => onChange(isKept ? dropped.filter((one) => one !== key) : [...dropped, key])}
        />
      ))}
      <span className="field-help">{help}</span>
    </fieldset>
  );
}
