import { type ReactNode, useEffect, useRef } from 'react';
import { useLanguage } from '../i18n/language.tsx';

/** A modal on the browser's own `<dialog>`: focus stays inside, Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
  action,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** The button that does it; without one, or with false, the dialog only shows something. */
  action?: ReactNode;
}) {
  const { t } = useLanguage();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} className="dialog" onClose={onClose} aria-label={title}>
      <h2>{title}</h2>
      <div className="dialog-body">{children}</div>
      <div className="dialog-actions">
        <button type="button" onClick={() => element.current?.close()}>
          {action === undefined || action === false ? t.close : t.cancel}
        </button>
        {action}
      </div>
    </dialog>
  );
}
