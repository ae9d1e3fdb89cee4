import type { AveragePrice, ExtremePrice } from '../../../../../../application/port/in/queries.ts';
import { askApi, pathOf } from './api.ts';

export interface PeriodFigures {
  readonly average: AveragePrice;
  readonly highest: ExtremePrice;
  readonly lowest: ExtremePrice;
}

export type FiguresAnswer =
  | { readonly kind: 'loading' }
  | { readonly kind: 'figures'; readonly figures: PeriodFigures }
  | { readonly kind: 'none'; readonly code: string; readonly detail: string };

/** `period` as in the URL; `all` = all recorded history. */
export async function askFigures(exchange: string, symbol: string, period: string): Promise<FiguresAnswer> {
  const query = { period: period === 'all' ? null : period };
  const path = (figure: string): string => pathOf(['prices', figure, exchange, symbol], query);
  const [average, highest, lowest] = await Promise.all([
    askApi<AveragePrice>(path('average')),
    askApi<ExtremePrice>(path('highest')),
    askApi<ExtremePrice>(path('lowest')),
  ]);
  if (average.ok && highest.ok && lowest.ok) {
    return { kind: 'figures', figures: { average: average.value, highest: highest.value, lowest: lowest.value } };
  }
  const refused = [average, highest, lowest].find((answer) => !answer.ok);
  return refused === undefined || refused.ok
    ? { kind: 'loading' }
    : { kind: 'none', code: refused.code, detail: refused.detail };
}
