/** One measured figure: what, how much, and what was asked of it. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The bound that the project sets itself; null = for information. */
  readonly target: string | null;
  readonly met: boolean | null;
  /** All samples, in order. */
  readonly samples?: readonly number[];
}

export function atLeast(name: string, value: number, unit: string, bound: number, samples?: readonly number[]): Figure {
  return { name, value, unit, target: `≥ ${bound}`, met: value >= bound, ...(samples && { samples }) };
}

export function atMost(name: string, value: number, unit: string, bound: number, samples?: readonly number[]): Figure {
  return { name, value, unit, target: `≤ ${bound}`, met: value <= bound, ...(samples && { samples }) };
}

export function info(name: string, value: number, unit: string, samples?: readonly number[]): Figure {
  return { name, value, unit, target: null, met: null, ...(samples && { samples }) };
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Nearest rank. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** A Markdown table, then a JSON line for each figure. */
export function render(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, target, met }) => {
    const mark = met === null ? '' : met ? 'yes' : 'NO';
    return `| ${name} | ${Number(value.toPrecision(3))} ${unit} | ${target ?? ''} | ${mark} |`;
  });
  const table = ['| figure | measured | target | met |', '|---|---|---|---|', ...rows];
  return `${[...table, '', ...figures.map((figure) => JSON.stringify(figure))].join('\n')}\n`;
}
