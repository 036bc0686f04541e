/** Light, dark, or as the system says; remembered. The styles look at `data-theme` of the root element. */
import { useState } from 'react';

export type Theme = 'auto' | 'light' | 'dark';

const STORED = 'eterne.theme';
const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' };

function storedTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  return stored === 'light' || stored === 'dark' ? stored : 'auto';
}

/** Before the first paint, so that nothing flashes. */
export function applyStoredTheme(): void {
  document.documentElement.dataset['theme'] = storedTheme();
}

export function useTheme(): { theme: Theme; next: () => void } {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  const next = () => {
    localStorage.setItem(STORED, NEXT[theme]);
    applyStoredTheme();
    setTheme(NEXT[theme]);
  };
  return { theme, next };
}
