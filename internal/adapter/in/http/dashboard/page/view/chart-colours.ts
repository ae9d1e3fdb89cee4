export interface ChartColours {
  readonly page: string;
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly up: string;
  readonly upPale: string;
  readonly down: string;
  readonly downPale: string;
  readonly warn: string;
  readonly mark: string;
}

/** Those of the style sheet, as they are in force: a canvas does not follow it by itself. */
export function chartColours(): ChartColours {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    page: colour('panel'),
    text: colour('soft'),
    soft: colour('soft'),
    line: colour('grid'),
    up: colour('up'),
    upPale: colour('up-pale'),
    down: colour('down'),
    downPale: colour('down-pale'),
    warn: colour('warn'),
    mark: colour('mark'),
  };
}
