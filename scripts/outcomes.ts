// A reporter for Node's test runner that writes one line of JSON for each test: how it ended, and its file. What is
// inside of another test counts as part of that.

/** One line of the report. */
export interface Outcome {
  readonly kind: "passed" | "skipped" | "failed";
  /** The test's, or the file's where the file itself failed. */
  readonly name: string;
  /** Absolute path of the test's file. */
  readonly file: string;
  /** Why it was skipped; "" = not said. */
  readonly reason: string;
}

interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly file?: string;
    readonly nesting: number;
    readonly skip?: string | boolean;
  };
}

// biome-ignore lint/style/noDefaultExport: the runner loads a reporter as its module's default export
export default async function* outcomes(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const { name, file = "", nesting, skip = false } = data;
    if (nesting > 0) continue;
    const ended = skip === false ? "passed" : "skipped";
    const kind = type === "test:fail" ? "failed" : ended;
    const reason = typeof skip === "string" ? skip : "";
    yield `${JSON.stringify({ kind, name, file, reason } satisfies Outcome)}\n`;
  }
}
