/** The average so far; null before there are enough values. */
export type Average = (value: number) => number | null;

/** The newest `size` values, oldest first, once there are so many. */
export function windowOf<T>(size: number): (value: T) => readonly T[] | null {
  const held: T[] = [];
  return (value) => {
    held.push(value);
    if (held.length > size) held.shift();
    return held.length === size ? held : null;
  };
}

export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Summed anew for each value: a running sum would drift. */
export function simple(period: number): Average {
  const window = windowOf<number>(period);
  return (value) => {
    const values = window(value);
    return values === null ? null : mean(values);
  };
}

/** Weights 1, 2, … `period`, the newest value the heaviest. */
export function weighted(period: number): Average {
  const window = windowOf<number>(period);
  const weights = (period * (period + 1)) / 2;
  return (value) => {
    const values = window(value);
    if (values === null) return null;
    let sum = 0;
    for (const [index, held] of values.entries()) sum += held * (index + 1);
    return sum / weights;
  };
}

/** Begins with the simple average of the first `period` values, as TA-Lib and StockCharts do; then `next` moves it. */
function recursive(period: number, next: (average: number, value: number) => number): Average {
  const seed = simple(period);
  let average: number | null = null;
  return (value) => {
    average = average === null ? seed(value) : next(average, value);
    return average;
  };
}

/** In this form an average of equal values stays just there. */
export function exponential(period: number): Average {
  const share = 2 / (period + 1);
  return recursive(period, (average, value) => average + (value - average) * share);
}

/** Wilder's smoothing. In this form, of values that are not negative, a small one is not lost beside a great average. */
export function smoothed(period: number): Average {
  return recursive(period, (average, value) => (average * (period - 1) + value) / period);
}
