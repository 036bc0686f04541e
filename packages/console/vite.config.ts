import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `ETERNE_API=https://127.0.0.1:8443 npx vite packages/console` develops against a running node. */
const api = process.env['ETERNE_API'];

/** Of the one file that the console is: what a browser has loaded goes on working when the node that it came from is gone. */
const WARNED_KB = 700;

export default defineConfig({
  plugins: [react()],
  base: '/',
  build: { target: 'es2022', chunkSizeWarningLimit: WARNED_KB, modulePreload: { polyfill: false } },
  server: {
    host: '127.0.0.1',
    ...(api === undefined ? {} : { proxy: { '/api': { target: api, secure: false } } }),
  },
});
