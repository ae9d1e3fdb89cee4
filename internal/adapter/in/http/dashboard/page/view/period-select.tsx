import { PERIODS } from '../data/selection.ts';

interface PeriodSelectProps {
  readonly label: string;
  readonly period: string;
  readonly onSelect: (period: string) => void;
}

export function periodText(period: string): string {
  return period === 'all' ? 'all history' : period;
}

export function PeriodSelect({ label, period, onSelect }: PeriodSelectProps) {
  const known: readonly string[] = PERIODS;
  const periods = known.includes(period) ? known : [...known, period];
  return (
    <label class="field">
      <span>{label}</span>
      <select class="period" value={period} onChange={(event) => onSelect(event.currentTarget.value)}>
        {periods.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}
