// A reporter for Node's test runner that writes one line for each skipped test, with its reason.

interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly file?: string;
    readonly skip?: string | boolean;
  };
}

// biome-ignore lint/style/noDefaultExport: the runner loads a reporter as its module's default export
export default async function* skipped(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of source)
    if (type === "test:pass" && data.skip !== undefined && data.skip !== false)
      yield `  ${data.name}${typeof data.skip === "string" && data.skip !== "" ? `: ${data.skip}` : ""}\n`;
}
