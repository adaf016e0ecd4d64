// The page's way to the API: rows of an object, operations, and the stream of events, with the token that the operator
// gave for this tab. Everything that the page shows comes through here; it knows nothing that the API does not say.

import type { ObjectShape } from "../control/objects.ts";
import type { Operation, Parameter } from "../control/operations.ts";

export type { ObjectShape, Operation, Parameter };

/** One row of an object: flat. */
export type Row = Readonly<Record<string, unknown>>;

/** What GET /api/v1 says there is: the lists of the server itself. */
export interface Catalogue {
  readonly objects: readonly ObjectShape[];
  readonly operations: readonly Operation[];
  /** Objects that can be asked for as they were. */
  readonly past: readonly string[];
}

/** An error of the API, as RFC 9457 has it, or of the way to it. */
export class ApiError extends Error {
  /** The HTTP status; 0 = there was no answer. */
  readonly status: number;
  readonly hint: string;

  constructor(title: string, options: ErrorOptions & { status: number; hint: string }) {
    super(title, options);
    this.status = options.status;
    this.hint = options.hint;
  }
}

const BASE = "/api/v1/";
const TOKEN = "linkloom-token";

export const tokenOf = (): string => sessionStorage.getItem(TOKEN) ?? "";

export function keepToken(token: string): void {
  if (token === "") sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, token);
}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const token = tokenOf();
  if (token !== "") headers.set("authorization", `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, cache: "no-store" });
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause;
    throw new ApiError("The appliance does not answer", {
      status: 0,
      hint: "is it running?",
      cause,
    });
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as Row;
  const title = String(problem["title"] ?? `status ${response.status}`);
  const hint = String(problem["detail"] ?? problem["hint"] ?? "");
  throw new ApiError(title, { status: response.status, hint });
}

export async function catalogue(): Promise<Catalogue> {
  return (await (await request("/api/v1")).json()) as Catalogue;
}

export async function rowsOf(
  object: string,
  query: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Row[]> {
  const words = new URLSearchParams(query).toString();
  const path = `${BASE}${object}${words === "" ? "" : `?${words}`}`;
  return (await (await request(path, signal === undefined ? {} : { signal })).json()) as Row[];
}

/** An object's rows as they were, and when they were read. */
export async function rowsThen(
  object: string,
  time: number,
): Promise<{ rows: readonly Row[]; at: number }> {
  const at = new Date(time).toISOString();
  const response = await request(`${BASE}${object}?${new URLSearchParams({ at })}`);
  const read = Date.parse(response.headers.get("linkloom-at") ?? at);
  return { rows: (await response.json()) as Row[], at: read };
}

/** The request that an operation is, from the words of its parameters. */
function requestOf(
  operation: Operation,
  words: Readonly<Record<string, unknown>>,
): { path: string; init: RequestInit } {
  let path = operation.path;
  const query = new URLSearchParams();
  const body: Record<string, unknown> = {};
  for (const { name, in: place } of operation.parameters) {
    const value = words[name];
    if (value === undefined || value === "" || value === false) continue;
    if (place === "path") path = path.replace(`:${name}`, encodeURIComponent(String(value)));
    else if (place === "query") query.set(name, String(value));
    else body[name] = value;
  }
  const suffix = query.size === 0 ? "" : `?${query}`;
  const init: RequestInit = { method: operation.method };
  if (operation.yaml === true) {
    init.body = String(words["yaml"] ?? "");
    init.headers = { "content-type": "application/yaml" };
  } else if (operation.method !== "GET" && Object.keys(body).length > 0) {
    init.body = JSON.stringify(body);
    init.headers = { "content-type": "application/json" };
  }
  return { path: `${BASE}${path}${suffix}`, init };
}

/** Does an operation; its answer, parsed where it is JSON. */
export async function operate(
  operation: Operation,
  words: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const { path, init } = requestOf(operation, words);
  const response = await request(path, init);
  const text = await response.text();
  return text === "" ? null : (JSON.parse(text) as unknown);
}

/** Opens an operation that streams: a capture, a trace. */
export async function openStream(
  operation: Operation,
  words: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Response> {
  const { path, init } = requestOf(operation, words);
  return request(path, { ...init, signal });
}

/**
 * Follows server-sent events until `signal` aborts; comes back after a break with the last id seen. EventSource cannot
 * send a token, so the stream is read here (WHATWG HTML 9.2.6).
 */
export async function followEvents(
  signal: AbortSignal,
  onEvent: (row: Row) => void,
  onState: (connected: boolean) => void,
): Promise<void> {
  let last = "0-0";
  while (!signal.aborted) {
    try {
      const response = await request(`${BASE}events`, {
        headers: { accept: "text/event-stream", "last-event-id": last },
        signal,
      });
      onState(true);
      await readEvents(response, (id, type, data) => {
        if (id !== "") last = id;
        if (type === "event" && data !== "") onEvent(JSON.parse(data) as Row);
      });
    } catch {
      // The stream broke, or the token is wrong: what asks for rows says so; here it is tried again.
    }
    if (signal.aborted) return;
    onState(false);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function readEvents(
  response: Response,
  take: (id: string, type: string, data: string) => void,
): Promise<void> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      let [id, type, data] = ["", "message", ""];
      for (const line of block.split("\n")) {
        const colon = line.indexOf(":");
        const text = line.slice(colon + 1).replace(/^ /, "");
        const name = line.slice(0, colon);
        if (name === "id") id = text;
        else if (name === "event") type = text;
        else if (name === "data") data += text;
      }
      take(id, type, data);
    }
  }
}
