/** A button that asks before it orders, and shows what came of it. */
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { ApiError } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { TextField } from '../wizards/fields.tsx';
import { Dialog } from './dialog.tsx';

export function OrderButton({
  label,
  question,
  order,
  danger = false,
  disabled = false,
  confirmName,
  children,
}: {
  label: string;
  question: string;
  order: () => Promise<unknown>;
  danger?: boolean;
  disabled?: boolean;
  /** What is given up is gone: its name has to be written once more. */
  confirmName?: string;
  /** More to choose or to know before deciding. */
  children?: ReactNode;
}) {
  const { t } = useLanguage();
  const [open, setOpen] = useState(false);
  const [written, setWritten] = useState('');
  const close = () => {
    setOpen(false);
    setWritten('');
    mutation.reset();
  };
  const mutation = useMutation({ mutationFn: order, onSuccess: () => close() });
  const isConfirmed = confirmName === undefined || written.trim() === confirmName;
  return (
    <>
      <button type="button" disabled={disabled} onClick={() => setOpen(true)}>
        {label}
      </button>
      {open && (
        <Dialog
          title={label}
          onClose={close}
          action={
            <button
              type="button"
              className={danger ? 'primary danger' : 'primary'}
              disabled={mutation.isPending || !isConfirmed}
              onClick={() => mutation.mutate()}
            >
              {label}
            </button>
          }
        >
          <p>{question}</p>
          {children}
          {confirmName !== undefined && (
            <TextField label={t.confirmByName(confirmName)} value={written} onChange={setWritten} />
          )}
          {mutation.error && <ErrorText error={mutation.error} />}
        </Dialog>
      )}
    </>
  );
}

export function ErrorText({ error }: { error: Error }) {
  const { t, said } = useLanguage();
  const known = error instanceof ApiError;
  return (
    <p className="error-text" role="alert">
      {known ? said(error.message) : t.cannotReach}
      {known && error.hint !== null && <span className="hint"> {said(error.hint)}</span>}
    </p>
  );
}
