import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `ETERNE_API=https://127.0.0.1:8443 npx vite packages/console` develops against a running node. */
const api = process.env['ETERNE_API'];

export default defineConfig({
  plugins: [react()],
  base: '/',
  build: { target: 'es2022', chunkSizeWarningLimit: 600, modulePreload: { polyfill: false } },
  server: {
    host: '127.0.0.1',
    ...(api === undefined ? {} : { proxy: { '/api': { target: api, secure: false } } }),
  },
});
