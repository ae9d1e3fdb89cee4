import type { StreamHealth } from '../../../../../../application/port/in/market-stream.ts';
import { rateText } from '../data/text.ts';

const WIDTH = 72;
const HEIGHT = 22;
const POINTS = 120;

interface RateMeterProps {
  readonly health: StreamHealth | null;
  readonly rates: readonly number[];
}

/** Ticks a second, now and over the last two minutes. */
export function RateMeter({ health, rates }: RateMeterProps) {
  return (
    <p class="rate">
      <strong class="rate-now">{health === null ? '–' : rateText(health.ticksPerSecond)}</strong> ticks/s
      <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
        <polyline points={pointsOf(rates)} />
      </svg>
    </p>
  );
}

function pointsOf(rates: readonly number[]): string {
  const top = Math.max(1, ...rates);
  const first = POINTS - rates.length;
  return rates
    .map((rate, i) => {
      const x = ((first + i) / (POINTS - 1)) * WIDTH;
      return `${x.toFixed(1)},${(HEIGHT - 2 - (rate / top) * (HEIGHT - 4)).toFixed(1)}`;
    })
    .join(' ');
}
