// The page: the files that vite made of src/web, served as they are, with a content security policy that lets nothing
// in from elsewhere. They are public; what they show, they ask the API for, with a token.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SAFE } from "./problem.ts";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  json: "application/json; charset=utf-8",
  txt: "text/plain; charset=utf-8",
};

/** Nothing from elsewhere, nothing inline, nobody's frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Where the page lies: dist/web, beside the emitted JavaScript and above the sources alike. */
const FOLDER = fileURLToPath(new URL("../../dist/web/", import.meta.url));

type Page = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Answers for files of the page; undefined where none was built. */
export function pageOf(folder: string = FOLDER): Page | undefined {
  if (!existsSync(join(folder, "index.html"))) return undefined;
  // Only what is listed here is served: no path of a request ever reaches the file system.
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = new Set(names.filter((name) => statSync(join(folder, name)).isFile()));
  return (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") return false;
    const [path = ""] = (request.url ?? "").split("?");
    const name = path === "/" ? "index.html" : path.slice(1);
    if (!files.has(name)) return false;
    const body = readFileSync(join(folder, name));
    response.writeHead(200, {
      ...SAFE,
      "content-type": TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream",
      "content-length": body.length,
      "content-security-policy": POLICY,
      // Built files carry a hash of their content in their names.
      "cache-control": name.startsWith("assets/")
        ? "public, max-age=31536000, immutable"
        : "no-cache",
    });
    response.end(request.method === "HEAD" ? undefined : body);
    return true;
  };
}
