import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./files.ts";
import { readNeeds, rerunsOf } from "./interop.ts";

test("what the suites need is a package and a proof that it is there", () => {
  assert.deepEqual(readNeeds("# peers\niperf3\npython3-scapy python3:scapy # frames\n\n"), [
    { name: "iperf3", proof: "iperf3" },
    { name: "python3-scapy", proof: "python3:scapy" },
  ]);
});

test("failed tests run again alone, file by file; a file that failed itself runs whole", () => {
  const [a, b] = ["test/interop/a.test.ts", "test/interop/b.test.ts"].map((path) => ({
    path,
    file: join(ROOT, path),
  })) as [{ path: string; file: string }, { path: string; file: string }];

  assert.deepEqual(
    rerunsOf([
      { name: "BR-1 one (of two)", file: a.file },
      { name: "BR-2 more", file: a.file },
      { name: b.path, file: b.file },
      { name: "BR-3", file: b.file },
    ]),
    [
      [
        "--test-name-pattern=/^BR-1 one \\(of two\\)$/",
        "--test-name-pattern=/^BR-2 more$/",
        a.path,
      ],
      [b.path],
    ],
  );
});
