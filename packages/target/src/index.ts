export * from './config.ts';
export * from './run.ts';
export * from './target-server.ts';
