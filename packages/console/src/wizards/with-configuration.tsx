/** For wizards that change what is there: they ask when they know it. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api } from '../api/client.ts';
import { useLanguage } from '../i18n/language.tsx';
import { ErrorText } from '../parts/order-button.tsx';
import type { Configuration } from './configuration.ts';

export function WithConfiguration({ children }: { children: (configuration: Configuration) => ReactNode }) {
  const { t } = useLanguage();
  const { data, error } = useQuery({ queryKey: ['config'], queryFn: api.config });
  if (data) return children(data);
  if (error) return <ErrorText error={error} />;
  return <p className="muted">{t.loading}</p>;
}
