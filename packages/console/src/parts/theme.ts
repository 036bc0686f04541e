/** Light, dark, or as the system says; remembered. The styles look at `data-theme` of the root element. */
import { useEffect, useState } from 'react';

export type Theme = 'auto' | 'light' | 'dark';

const STORED = 'eterne.theme';
const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' };

export function useTheme(): { theme: Theme; next: () => void } {
  const [theme, setTheme] = useState<Theme>(() => {
    const stored = localStorage.getItem(STORED);
    return stored === 'light' || stored === 'dark' ? stored : 'auto';
  });
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
    localStorage.setItem(STORED, theme);
  }, [theme]);
  return { theme, next: () => setTheme(NEXT[theme]) };
}
