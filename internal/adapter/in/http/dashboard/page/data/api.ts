/** An answer, or why there is none: a `code` of the problem document, or `unreachable`. */
export type ApiAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string; readonly detail: string };

const DEADLINE_MS = 8_000;

export interface ApiOptions {
  readonly method?: 'GET' | 'POST';
  /** Statuses beyond 2xx whose body is the answer: /health has 503 for down. */
  readonly also?: readonly number[];
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export async function askApi<T>(path: string, options: ApiOptions = {}): Promise<ApiAnswer<T>> {
  const { method = 'GET', also = [], deadlineMs = DEADLINE_MS, signal } = options;
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const response = await fetch(path, {
      method,
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
      headers: { accept: 'application/json' },
    });
    const body: unknown = await response.json();
    if (response.ok || also.includes(response.status)) return { ok: true, value: body as T };
    const { code, detail } = body as { code?: unknown; detail?: unknown };
    return { ok: false, code: String(code ?? response.status), detail: String(detail ?? response.statusText) };
  } catch {
    return { ok: false, code: 'unreachable', detail: 'The server does not answer.' };
  }
}

/** `parts` are escaped, `query` without those that are null. */
export function pathOf(parts: readonly string[], query: Readonly<Record<string, string | number | null>> = {}): string {
  const parameters = Object.entries(query).filter(([, value]) => value !== null);
  const search = new URLSearchParams(parameters.map(([name, value]) => [name, String(value)]));
  const path = parts.map((part) => `/${encodeURIComponent(part)}`).join('');
  return parameters.length === 0 ? path : `${path}?${search}`;
}
