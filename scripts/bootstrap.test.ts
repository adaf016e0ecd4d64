import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { test } from "node:test";
import { readNeeds } from "./interop.ts";
import { runnerArguments } from "./test.ts";

const BOOTSTRAP = new URL("./bootstrap.js", import.meta.url).href;
const PINNED = realpathSync(new URL("../node_modules/.bin/node", import.meta.url));

/** How the pinned Node is reached: in place of the process, or as its child. */
const WAYS = {
  replaced: (script: string): string =>
    `import { runPinned } from ${JSON.stringify(BOOTSTRAP)}; runPinned(["-e", ${JSON.stringify(script)}]);`,
  child: (script: string): string =>
    `import { runChild } from ${JSON.stringify(BOOTSTRAP)};
     runChild(${JSON.stringify(PINNED)}, ["-e", ${JSON.stringify(script)}]);`,
};

function start(launcher: string): ChildProcessByStdio<Writable, Readable, null> {
  const args = ["--input-type=module", "-e", launcher];
  return spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
}

async function firstOutput(child: ChildProcessByStdio<Writable, Readable, null>): Promise<string> {
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  return chunk.toString();
}

for (const [way, launcher] of Object.entries(WAYS)) {
  test(`${way}: standard input, output and the exit code pass through`, async () => {
    const child = start(
      launcher(
        "process.stdin.on('data', (d) => process.stdout.write(d)).on('end', () => process.exit(7))",
      ),
    );

    child.stdin.end("hello");

    assert.equal(await firstOutput(child), "hello");
    assert.deepEqual(await once(child, "exit"), [7, null]);
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    test(`${way}: ${signal} reaches the program, which decides how it ends`, async () => {
      const child = start(
        launcher(
          `process.on('${signal}', () => process.exit(9)); setInterval(() => {}, 1000); console.log(1)`,
        ),
      );
      await firstOutput(child);

      child.kill(signal);

      assert.deepEqual(await once(child, "exit"), [9, null]);
    });
  }

  test(`${way}: a program that dies of a signal is seen to die of it`, async () => {
    const child = start(
      launcher("process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)"),
    );

    assert.deepEqual(await once(child, "exit"), [null, "SIGTERM"]);
  });
}

test("replaced: the program has the starter's process id, so that nothing is left behind when it is killed", async () => {
  const child = start(WAYS.replaced("console.log(process.pid, process.execPath)"));

  assert.equal(await firstOutput(child), `${child.pid} ${PINNED}\n`);
});

test("a list of packages has a proof for each, its name where none is given", () => {
  assert.deepEqual(readNeeds("# peers\niperf3\n\npython3-scapy python3:scapy # and why\n"), [
    { name: "iperf3", proof: "iperf3" },
    { name: "python3-scapy", proof: "python3:scapy" },
  ]);
});

test("the runner gets options as they came and the tests under the paths given", () => {
  const tests = ["src/arp/table.test.ts", "src/bridge/table.test.ts"];

  assert.deepEqual(runnerArguments(["-c"], ["src/arp", "--watch"], tests), [
    "--test",
    "-c",
    "--watch",
    "src/arp/table.test.ts",
  ]);
  assert.throws(() => runnerArguments([], ["src/nd"], tests), /No test file/);
});
