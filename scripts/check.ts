// npm run check: the gate. Independent tools run side by side; one line each, and the output of what failed.
// `--no-tests` leaves the unit tests out, for who has just run them.

import { spawn } from "node:child_process";
import { ROOT } from "./files.ts";

interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

interface Outcome {
  readonly step: Step;
  readonly code: number;
  readonly seconds: number;
  readonly output: string;
}

const tool = (name: string): string => `${ROOT}/node_modules/.bin/${name}`;
const script = (name: string, ...args: string[]): Step => ({
  name,
  command: process.execPath,
  args: [`scripts/${name}.ts`, ...args],
});

/** The quick ones, one after the other beside the tests, which use the other processor. */
const QUICK: readonly Step[] = [
  { name: "tsc", command: process.execPath, args: [tool("tsc"), "-p", "."] },
  { name: "tsc web", command: process.execPath, args: [tool("tsc"), "-p", "src/web"] },
  {
    name: "biome",
    command: process.execPath,
    args: [tool("biome"), "ci", "--colors=off", "--max-diagnostics=40", "."],
  },
  script("layers"),
  script("tidy"),
  { name: "knip", command: process.execPath, args: [tool("knip"), "--no-progress"] },
  script("docs", "--check"),
];
/** Folders of units: what needs neither threads, processes, sockets nor files. The rest is for `npm test`. */
const UNITS = "lib wire engine arp bridge host lag nd snoop steering stp vr core ports sim replay";
const TESTS: Step = script(
  "test",
  "--test-reporter=dot",
  ...UNITS.split(" ").map((folder) => `src/${folder}/`),
);

function run(step: Step): Promise<Outcome> {
  const start = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const child = spawn(step.command, step.args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      resolve({
        step,
        code: code ?? 1,
        seconds,
        output: Buffer.concat(chunks).toString().trimEnd(),
      });
    });
  });
}

function tell({ step, code, seconds, output }: Outcome): boolean {
  console.log(
    `${code === 0 ? "ok  " : "FAIL"} ${step.name.padEnd(8)} ${seconds.toFixed(1).padStart(5)} s`,
  );
  if (code !== 0) console.log(output.replaceAll(/^/gm, "     "));
  return code === 0;
}

async function runQuick(): Promise<boolean> {
  let passed = true;
  for (const step of QUICK) passed = tell(await run(step)) && passed;
  return passed;
}

const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  console.error(`The gate runs on the pinned Node.js, not on ${process.version}: npm run check`);
  process.exit(1);
}
console.log(`ok   node     ${process.version}`);
const work = [runQuick()];
if (!process.argv.includes("--no-tests")) work.push(run(TESTS).then(tell));
const passed = (await Promise.all(work)).every(Boolean);
console.log(passed ? "check: passed" : "check: FAILED");
process.exitCode = passed ? 0 : 1;
