/** Headless Chromium on the console, built from its sources and served by the real API over a fake cluster. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { build } from 'vite';

const CHROMIUM = '/usr/bin/chromium';
const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Why these tests cannot run on this machine; undefined when they can. */
export function missing(): string | undefined {
  return existsSync(CHROMIUM) ? undefined : 'chromium is not installed';
}

export async function buildConsole(folder: string): Promise<void> {
  await build({ root: ROOT, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface Visit {
  readonly page: Page;
  /** Violations of the content security policy and uncaught errors. */
  readonly faults: string[];
}

export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-US', ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(url);
  return { page, faults };
}

export async function logIn(page: Page, user: string, password: string): Promise<void> {
  await page.locator('input[name=user]').fill(user);
  await page.locator('input[name=password]').fill(password);
  await page.locator('button[type=submit]').click();
}
