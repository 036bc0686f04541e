import { ToneIcon } from './icon.tsx';
import type { Tone } from './tone.ts';

export function Badge({ tone, children, title }: { tone: Tone; children: string; title?: string }) {
  return (
    <span className={`badge tone-${tone}`} title={title}>
      <ToneIcon tone={tone} size={13} />
      {children}
    </span>
  );
}
