// The package as users get it: packed, installed elsewhere with npm, run from there by the Node that the machine has
// (not the pinned one). Needs npm and a registry for the dependencies. npm run test:package.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "linkloom-package-"));
const installed = join(directory, "lib", "node_modules", "linkloom");

/** The environment of somebody who installs the package: no node_modules in PATH, nothing of an npm run around us. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^npm_(?:lifecycle|package|command|execpath|config_(?:local_|global_)?prefix)/.test(name) &&
      !/^NODE_(?:COMPILE_CACHE|TEST_CONTEXT|OPTIONS)$/.test(name),
  ),
);
env["PATH"] = (env["PATH"] ?? "")
  .split(delimiter)
  .filter((path) => !path.includes("node_modules"))
  .join(delimiter);

function linkloom(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const command = join(directory, "bin", "linkloom");
  return spawnSync(command, args, { cwd: "/", env, encoding: "utf8", timeout: 60_000 });
}

before(() => {
  const [{ filename = "" } = {}] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", directory], {
      cwd: ROOT,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }),
  ) as { filename?: string }[];
  const { status, stderr } = spawnSync(
    "npm",
    ["install", "--global", "--prefix", directory, "--prefer-offline", join(directory, filename)],
    { cwd: directory, env, encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /EBADENGINE|deprecated/);
});

after(() => rmSync(directory, { recursive: true, force: true }));

test("the package holds JavaScript, the licence and the README, and no TypeScript or test", () => {
  const paths = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter(
    (path) => !path.startsWith("node_modules"),
  );

  const told = ["LICENSE", "README.md", "CHANGELOG.md", "dist/linkloom.1", "dist/web-licences.txt"];
  for (const path of ["bin/linkloom", "dist/main.js", "dist/web/index.html", ...told])
    assert.ok(paths.includes(path), `${path} is missing`);
  assert.deepEqual(
    paths.filter((path) => /(?<!\.d)\.ts$|\.test\./.test(path)),
    [],
  );
});

test("the installed command says its version", () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    version: string;
  };

  const { status, stdout, stderr } = linkloom("--version");

  assert.equal(status, 0, stderr);
  assert.match(stdout, new RegExp(`\\b${version.replaceAll(".", "\\.")}\\b`));
});

test("the installed command checks a configuration: 0 for a good one, 2 for a bad one", () => {
  const good = join(directory, "good.yaml");
  const bad = join(directory, "bad.yaml");
  writeFileSync(
    good,
    "ports:\n  p0: {driver: memory}\nbridges:\n  br0:\n    channels:\n      p0: {mode: access, access-vlan: 10}\n",
  );
  writeFileSync(bad, "ports:\n  p0: {driver: memory}\nbridgse: {}\n");

  const accepted = linkloom("check", good);
  const refused = linkloom("check", bad);

  assert.equal(accepted.status, 0, accepted.stderr);
  assert.equal(refused.status, 2, refused.stdout);
  assert.match(refused.stdout + refused.stderr, /bad\.yaml:3:1.*bridgse/s);
});

test("the installed lab finds its workers, runs two seconds and ends with a summary", () => {
  const { status, stdout, stderr } = linkloom("lab", "--seconds", "2");

  assert.equal(status, 0, stderr);
  assert.match(stdout, /coheren/i);
});

test("the installed replay plays the captures that the package ships", () => {
  const captures = readdirSync(join(installed, "captures")).filter((name) =>
    /\.pcap(?:ng)?$/.test(name),
  );
  assert.ok(captures.length > 0);

  for (const name of captures) {
    const { status, stdout, stderr } = linkloom("replay", join(installed, "captures", name));
    assert.equal(status, 0, stderr);
    assert.notEqual(stdout.trim(), "");
  }
});
