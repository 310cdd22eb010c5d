/** Calls the admin API. Every failure becomes an `ApiError` with the server's code, sentence and field. */

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | null;
  /** When it is worth trying again, where the server says so. */
  readonly retryAt: Date | null;

  constructor(status: number, code: string, message: string, field: string | null, retryAt: Date | null = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryAt = retryAt;
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** Path of an endpoint with the parameters that have a value. */
export function apiUrl(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

function retryAt(response: Response): Date | null {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? new Date(Date.now() + seconds * 1000) : null;
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; field?: string | null } };
    return new ApiError(response.status, error.code, error.message, error.field ?? null, retryAt(response));
  } catch {
    return new ApiError(response.status, "unreadable_answer", text.slice(0, 300) || response.statusText, null);
  }
}

export async function call<T>(path: string, { method = "GET", query, body, signal }: Call = {}): Promise<T> {
  const headers: Record<string, string> = {
    accept: "application/json",
    "accept-language": document.documentElement.lang,
  };
  if (body !== undefined) headers["content-type"] = body instanceof Blob ? body.type || "text/csv" : "application/json";
  let response: Response;
  try {
    response = await fetch(apiUrl(path, query), {
      method,
      headers,
      body: body === undefined ? null : body instanceof Blob ? body : JSON.stringify(body),
      credentials: "same-origin",
      signal: signal ?? null,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, "unreachable", "The server does not answer.", null);
  }
  if (!response.ok) throw await failure(response);
  if (response.status === 204 || response.headers.get("content-length") === "0") return undefined as T;
  return (await response.json()) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) =>
  call<T>(path, { query: query ?? {}, ...(signal ? { signal } : {}) });
export const post = <T>(path: string, body: unknown = {}, query?: Query) =>
  call<T>(path, { method: "POST", body, query: query ?? {} });
export const put = <T>(path: string, body: unknown) => call<T>(path, { method: "PUT", body });
export const del = <T>(path: string, query?: Query) => call<T>(path, { method: "DELETE", query: query ?? {} });

/** Fetches a file and hands it to the browser; an answer that is none becomes an `ApiError`, not a file. */
export async function download(path: string, query: Query): Promise<void> {
  const response = await fetch(apiUrl(path, query), { credentials: "same-origin" }).catch(() => {
    throw new ApiError(0, "unreachable", "The server does not answer.", null);
  });
  if (!response.ok) throw await failure(response);
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name ?? path.split("/").at(-1) ?? "download";
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
