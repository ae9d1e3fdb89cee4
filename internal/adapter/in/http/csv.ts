type Cell = string | number | boolean | null;

/** RFC 4180: a header line, CRLF after every line; null is an empty field. */
export function csvOf<T>(columns: Readonly<Record<string, (row: T) => Cell>>, rows: readonly T[]): string {
  const readers = Object.values(columns);
  const lines = rows.map((row) => readers.map((read) => field(read(row))).join(','));
  return `${[Object.keys(columns).join(','), ...lines].join('\r\n')}\r\n`;
}

function field(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
