// Where a worker's file is. A checkout runs TypeScript as it stands and the published package runs the JavaScript that
// tsc emitted from it; tsc rewrites the extension of an import, but not of the string that starts a worker.

/**
 * The URL of a worker's module beside the caller's, with the extension that the caller itself has. Name the worker
 * without extension: `new Worker(workerUrl(import.meta.url, "./core-worker"))`.
 */
export function workerUrl(caller: string, name: string): URL {
  const extension = caller.slice(caller.lastIndexOf("."));
  return new URL(name + extension, caller);
}
