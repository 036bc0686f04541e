export * from './ports.ts';
export * from './block-device.ts';
export * from './json-link.ts';
export * from './instant.ts';
export * from './store-error.ts';
export * from './shared-disk.ts';
export * from './pieces.ts';
export * from './watchdog.ts';
