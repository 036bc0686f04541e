import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { en, type Messages } from './en.ts';
import { zh } from './zh.ts';
import type { Language } from './languages.ts';
import { saidText } from './said/said-text.ts';

interface Localisation {
  readonly language: Language;
  readonly t: Messages;
  /** What the server said, in the language of the reader as far as it is known. */
  readonly said: (text: string) => string;
  readonly toggle: () => void;
}

const STORED = 'eterne.language';
const Context = createContext<Localisation>({
  language: 'en',
  t: en,
  said: (text) => text,
  toggle: () => {},
});

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(initialLanguage);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  const toggle = () => {
    const next = language === 'zh' ? 'en' : 'zh';
    localStorage.setItem(STORED, next);
    setLanguage(next);
  };
  const said = (text: string): string => saidText(text, language);
  return <Context value={{ language, t: language === 'zh' ? zh : en, said, toggle }}>{children}</Context>;
}

export function useLanguage(): Localisation {
  return useContext(Context);
}

/** What was chosen before, else what the browser prefers. */
function initialLanguage(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === 'en' || stored === 'zh') return stored;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}
