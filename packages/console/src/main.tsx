import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { App } from './app.tsx';
import { LanguageProvider } from './i18n/language.tsx';
import { applyStoredTheme } from './parts/theme.ts';
import './styles/index.css';

applyStoredTheme();

const queries = new QueryClient({ defaultOptions: { queries: { gcTime: 0, retry: 2 } } });
const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <LanguageProvider>
          <BrowserRouter>
            <App />
          </BrowserRouter>
        </LanguageProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
