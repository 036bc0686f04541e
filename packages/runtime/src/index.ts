export * from './ports.ts';
export * from './block-device.ts';
