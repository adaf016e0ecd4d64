// A reporter for Node's test runner that writes one line of JSON for each test that was skipped, with its reason, or
// that failed, with its file.

/** One line of the report. */
export interface Outcome {
  readonly kind: "skipped" | "failed";
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
    readonly skip?: string | boolean;
  };
}

// biome-ignore lint/style/noDefaultExport: the runner loads a reporter as its module's default export
export default async function* outcomes(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source) {
    const { name, file = "", skip = false } = data;
    const isSkipped = type === "test:pass" && skip !== false;
    if (!isSkipped && type !== "test:fail") continue;
    const reason = typeof skip === "string" ? skip : "";
    const outcome: Outcome = { kind: isSkipped ? "skipped" : "failed", name, file, reason };
    yield `${JSON.stringify(outcome)}\n`;
  }
}
