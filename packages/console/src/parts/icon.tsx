import type { Tone } from './tone.ts';

const SIGNS: Readonly<Record<Tone, string>> = {
  good: 'M4.5 8.5l2.4 2.4 4.8-5.4',
  busy: 'M8 4.2v4l2.6 1.6',
  warn: 'M8 4.4v4.4M8 11.3v.2',
  bad: 'M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4',
  idle: 'M5 8h6',
};

/** A disc with the tone's sign, readable without colour. */
export function ToneIcon({ tone, size = 16 }: { tone: Tone; size?: number }) {
  return (
    <svg
      className={`tone-icon tone-${tone}`}
      viewBox="0 0 16 16"
      width={size}
      height={size}
      aria-hidden="true"
    >
      <circle cx="8" cy="8" r="8" />
      <path d={SIGNS[tone]} />
    </svg>
  );
}

const SHAPES = {
  overview: 'M2 9.5L8 3l6 6.5M4 8v5.5h8V8',
  groups: 'M2.5 4.5h11v3h-11zM2.5 9.5h11v3h-11zM5 6h.1M5 11h.1',
  volumes: 'M3 4.5C3 3 13 3 13 4.5v7C13 13 3 13 3 11.5zM3 4.5C3 6 13 6 13 4.5M3 8c0 1.5 10 1.5 10 0',
  nodes: 'M2.5 3h11v7h-11zM5.5 13h5M8 10v3',
  events: 'M3 4h10M3 8h10M3 12h6',
  configuration: 'M3 4.5h6M12 4.5h1M3 11.5h1M7 11.5h6M9 3v3h3V3zM4 10v3h3v-3z',
  accounts: 'M8 8a2.5 2.5 0 100-5 2.5 2.5 0 000 5zM3 13.5c0-5 10-5 10 0',
} as const;

export type ShapeName = keyof typeof SHAPES;

export function ShapeIcon({ shape }: { shape: ShapeName }) {
  return (
    <svg className="shape-icon" viewBox="0 0 16 16" width="18" height="18" aria-hidden="true">
      <path d={SHAPES[shape]} />
    </svg>
  );
}

/** Two copies of one thing. */
export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--brand)" />
      <rect x="6" y="7" width="8.5" height="18" rx="2.5" fill="#fff" />
      <rect x="17.5" y="7" width="8.5" height="18" rx="2.5" fill="#fff" fillOpacity=".55" />
    </svg>
  );
}
