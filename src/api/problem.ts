// Errors as problem documents (RFC 9457) with our code and hint.

import type { ServerResponse } from "node:http";
import { type ControlError, ERROR_CODES, ERRORS, type ErrorCode } from "../control/errors.ts";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly hint: string;
  /** What is wrong with a configuration, fault by fault. */
  readonly faults?: unknown;
}

/** Codes of what the framework itself refuses, by its status. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  404: "not-found",
  405: "method-not-allowed",
  413: "too-large",
  415: "media-type",
};

/** The problem that an error is. What is no error of ours and none of the client's is a fault of the server. */
export function problemOf(error: unknown): Problem {
  const known = error as {
    code?: string;
    hint?: string;
    statusCode?: number;
    message?: string;
    faults?: unknown;
    errno?: unknown;
  };
  const ours = ERROR_CODES.find((code) => code === known.code) ?? ofSystem(known.errno);
  const { statusCode = 500 } = known;
  const client = statusCode >= 400 && statusCode < 500;
  const code = ours ?? (client ? (BY_STATUS[statusCode] ?? "usage") : "operation-failed");
  const status = ours === undefined && client ? statusCode : ERRORS[code].status;
  return {
    type: `urn:linkloom:error:${code}`,
    title: ERRORS[code].meaning,
    status,
    detail: known.message ?? String(error),
    code,
    hint: known.hint ?? "",
    ...(known.faults === undefined ? {} : { faults: known.faults }),
  };
}

/** What the system refused a port or a core: no fault of ours, and it may be mended. */
const ofSystem = (errno: unknown): ErrorCode | undefined =>
  typeof errno === "string" && errno !== "" ? "port-failed" : undefined;

/** Headers that belong to a problem. */
export function problemHeaders({ status }: Problem): Record<string, string> {
  return {
    "content-type": "application/problem+json; charset=utf-8",
    "cache-control": "no-store",
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="linkloom"' } : {}),
    ...(status === 429 ? { "retry-after": "1" } : {}),
  };
}

/** Answers without the framework. */
export function sendProblem(response: ServerResponse, error: ControlError, isHead: boolean): void {
  const problem = problemOf(error);
  response.writeHead(problem.status, { ...problemHeaders(problem), ...SAFE });
  response.end(isHead ? undefined : JSON.stringify(problem));
}

/** On every answer: no guessing of types, no frames, nothing kept. */
export const SAFE: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};
