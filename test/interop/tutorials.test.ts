// The tutorials, run to the letter: every block of commands of a page in one shell, in namespaces of its own, and what
// it printed beside what the page shows.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const PAGES = join(ROOT, "docs/tutorials");
/** A whole page on a busy machine; ours, generous. */
const LIMIT = 240_000;
const MARK = "=== block";

interface Step {
  readonly commands: string;
  /** What the page shows under the commands; "" = nothing. */
  readonly shown: string;
}

/** Blocks of a page: commands, each with the output that follows. */
function stepsOf(page: string): Step[] {
  const steps: { commands: string; shown: string }[] = [];
  for (const [, kind = "", body = ""] of page.matchAll(/^```(sh|text)\n([\s\S]*?)^```$/gm)) {
    if (kind === "sh") steps.push({ commands: body, shown: "" });
    else (steps.at(-1) as { shown: string }).shown = body;
  }
  return steps;
}

/** The page's lines in their order, each somewhere in the output; "..." is anything. */
export function matches(output: string, shown: string): boolean {
  const lines = shown
    .trimEnd()
    .split("\n")
    .filter((line) => line.trim() !== "...");
  const pattern = lines
    .map((line) =>
      line
        .split("...")
        .map((part) => part.trim().split(/\s+/).map(literal).join("\\s+"))
        .join(".*"),
    )
    .join("[\\s\\S]*");
  return new RegExp(pattern).test(output);
}

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Runs a script where namespaces and /run are the test's own, and the network unless it needs a registry. */
function shell(
  script: string,
  folder: string,
  alone: boolean,
): Promise<{ code: number; output: string }> {
  const inside = `mount -t tmpfs tmpfs /run && (ip link set lo up || true) && exec bash -m ${JSON.stringify(script)}`;
  const child = spawn("unshare", [alone ? "-nm" : "-m", "sh", "-c", inside], {
    cwd: folder,
    env: { ...process.env, PATH: `${ROOT}/bin:${process.env["PATH"]}`, CHECKOUT: ROOT },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => {
      output += data.toString();
    });
  const end = (): boolean => process.kill(-(child.pid as number), "SIGKILL");
  const timer = setTimeout(end, LIMIT);
  return new Promise((resolve) => {
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, output });
    });
  });
}

for (const name of readdirSync(PAGES).filter((file) => /^\d.*\.md$/.test(file))) {
  const page = readFileSync(join(PAGES, name), "utf8");
  const title = /^# (.*)$/m.exec(page)?.[1] ?? name;
  test(`the tutorial "${title}" does what it says`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "linkloom-tutorial-"));
    try {
      const steps = stepsOf(page);
      assert.ok(steps.length > 1);
      const script = join(folder, "tutorial.sh");
      const parts = steps.map(({ commands }, n) => `echo "${MARK} ${n}"\n${commands}`);
      writeFileSync(script, `set -e\n${parts.join("\n")}\necho "${MARK} end"\n`);
      const { code, output } = await shell(script, folder, !page.includes("npm install"));
      assert.equal(code, 0, output);
      const printed = output.split(new RegExp(`^${MARK} \\w+\\n`, "m")).slice(1);
      for (const [n, { shown }] of steps.entries()) {
        if (shown === "") continue;
        assert.ok(matches(printed[n] ?? "", shown), `shown:\n${shown}\nprinted:\n${printed[n]}`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test("a line that did not come is noticed", () => {
  assert.ok(matches("a 1 b\nc\n", "a ... b\nc\n"));
  assert.ok(!matches("a 1 b\nd\n", "a ... b\nc\n"));
  assert.ok(!matches("c\na 1 b\n", "a ... b\nc\n"));
});
