// Runs a script of this checkout on the pinned Node.js, whatever Node the machine has (20 or newer). Plain JavaScript,
// because it runs before anything is installed:
//
//   node scripts/bootstrap.js src/main.ts lab --seconds 5
//
// 1. The locked dependencies are installed when they are missing or differ from package-lock.json.
// 2. A Node that runs TypeScript as it stands is used at once (bin/linkloom asks for that). Otherwise this process
//    becomes the pinned Node by execv: same process id, so that signals, terminal and exit code need no go-between.

import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const MODULES = join(ROOT, "node_modules");
/** Compiled code of earlier starts, a third of a start's cost; Node ignores a directory that it cannot write. */
export const COMPILE_CACHE = join(ROOT, ".linkloom", "compile-cache");
/** A copy of the lock that node_modules was installed from; npm ci removes it with the rest. */
const STAMP = join(MODULES, ".linkloom-lock.json");
const PINNED = join(MODULES, ".bin", "node");
/** How often a second starter looks whether the first has installed; our choice. */
const POLL_MS = 200;
/** Settings that npm hands down in the environment and that would change what npm ci does. */
const FOR_OTHERS =
  /^npm_config_(?:dry_run|global|location|.*prefix|omit|only|package_lock.*|json)$/i;
/** Lines of npm's own error that are worth reading; its usage text follows them. */
const NPM_LINES = 15;
/** fcntl(2): set the descriptor's flags, of which close-on-exec is the only one. */
const F_SETFD = 2;

/** Says one line on stderr, at once: nothing is left to flush when the process is replaced. */
function say(text) {
  writeSync(2, `linkloom: ${text}\n`);
}

function readOptional(path) {
  return existsSync(path) ? readFileSync(path) : undefined;
}

/** True when node_modules holds what the lock says. The usual case compares two files and nothing else. */
function isInstalled() {
  const stamp = readOptional(STAMP);
  const lock = readFileSync(join(ROOT, "package-lock.json"));
  if (stamp?.equals(lock)) return true;

  // Installed by hand, by npm ci or npm install: npm's own record tells which versions lie there.
  const record = readOptional(join(MODULES, ".package-lock.json"));
  if (record === undefined) return false;
  const there = JSON.parse(record.toString()).packages;
  for (const [path, entry] of Object.entries(JSON.parse(lock.toString()).packages)) {
    if (!path.startsWith("node_modules/")) continue;
    if (there[path] === undefined ? entry.optional !== true : there[path].version !== entry.version)
      return false;
  }
  writeFileSync(STAMP, lock);
  return true;
}

/**
 * Holds a name that only one process can have until it dies (an abstract Unix socket, so that nothing stale is left
 * behind). Undefined when another process has it.
 */
function claimInstall() {
  const { dev, ino } = statSync(ROOT);
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen(`\0linkloom-install-${dev}-${ino}`, () => resolve(server));
  });
}

function install() {
  say("installing the locked dependencies (npm ci), this once");
  const args = [
    "ci",
    "--ignore-scripts",
    "--include=dev",
    "--include=optional",
    "--no-audit",
    "--no-fund",
  ];
  const npm = process.env.npm_execpath;
  const [command, prefix] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  const { error, status, signal, stdout, stderr } = spawnSync(command, [...prefix, ...args], {
    cwd: ROOT,
    encoding: "utf8",
    // What an npm around us was told for itself (npm pack --dry-run, npm i --global) is not for this one.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOR_OTHERS.test(name))),
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error === undefined && status === 0) {
    writeFileSync(STAMP, readFileSync(join(ROOT, "package-lock.json")));
    return;
  }
  const lines = `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n");
  writeSync(2, `${lines.slice(0, NPM_LINES).join("\n")}\n`);
  say(
    `Cannot install the dependencies: npm ci ended with ${error?.message ?? signal ?? `exit code ${status}`}`,
  );
  say(
    `It needs npm 10 or newer, a package registry that it reaches, and the right to write ${MODULES}`,
  );
  process.exit(1);
}

/** Makes sure that node_modules is what package-lock.json says. Two at once: one installs, the other waits. */
export async function ensureInstalled() {
  if (isInstalled()) return;
  let waited = false;
  for (;;) {
    const claim = await claimInstall();
    if (claim !== undefined) {
      if (!isInstalled()) install();
      claim.close();
      return;
    }
    if (!waited) say("waiting for another process that installs the dependencies");
    waited = true;
    await delay(POLL_MS);
  }
}

/** The newest change below a folder, in milliseconds. */
function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { recursive: true })) {
    time = Math.max(time, statSync(join(folder, String(entry))).mtimeMs);
  }
  return time;
}

/** Makes the page (src/web) where that was not done since its last change; under a second. A failure only warns. */
export async function ensurePage() {
  const built = join(ROOT, "dist", "web", "index.html");
  const isNew = () =>
    existsSync(built) && statSync(built).mtimeMs >= newest(join(ROOT, "src", "web"));
  if (isNew()) return;
  const claim = await claimInstall();
  if (claim === undefined) return; // Another process is at it; this one serves what is there.
  const node = existsSync(PINNED) ? PINNED : process.execPath;
  const vite = join(MODULES, "vite", "bin", "vite.js");
  const { status, stderr } = spawnSync(node, [vite, "build"], { cwd: ROOT, encoding: "utf8" });
  if (status !== 0)
    say(`the page could not be made: ${stderr?.trim().split("\n")[0] ?? "no vite"}`);
  claim.close();
}

/** True when the Node that runs this takes TypeScript as it stands (22.18, 24 and newer). */
export function runsTypeScript() {
  return process.features.typescript !== undefined && process.features.typescript !== false;
}

/** As in bin/linkloom: a young generation of one megabyte instead of sixteen. */
const SMALL_HEAP = "--max-semi-space-size=1";

/** Becomes the pinned Node on a script, or runs it as a child that gets every signal. Does not return. */
export function runPinned(args) {
  if (!existsSync(PINNED)) {
    say(
      `No pinned Node.js for ${process.platform} on ${process.arch}; the lock has x64 and arm64 Linux`,
    );
    say(`Run it with a Node.js of 22.18 or newer instead: node ${args.join(" ")}`);
    process.exit(1);
  }
  process.env.NODE_COMPILE_CACHE ??= COMPILE_CACHE;
  const command = realpathSync(PINNED);
  const flagged = [SMALL_HEAP, ...args];
  replaceProcess(command, flagged);
  runChild(command, flagged);
}

/** execv(3): returns only when it failed. */
function replaceProcess(command, args) {
  let execv;
  let fcntl;
  try {
    const libc = createRequire(import.meta.url)("koffi").load(null);
    execv = libc.func("int execv(const char *path, const char **argv)");
    fcntl = libc.func("int fcntl(int fd, int command, ...)");
  } catch (error) {
    if (process.env.LINKLOOM_DEBUG) say(`no execv, using a child process: ${error.message}`);
    return;
  }
  // Node marks whatever it inherited close-on-exec. Stdio goes on, and what a shell passes as <(command).
  const passed = args.map((arg) => /^\/(?:dev|proc\/self)\/fd\/(\d+)$/.exec(arg)?.[1]);
  for (const fd of [0, 1, 2, ...passed]) if (fd !== undefined) fcntl(Number(fd), F_SETFD, "int", 0);
  execv(command, [command, ...args, null]);
}

/** The fallback where no foreign function can be called: a child with our stdio, our signals and our exit code. */
export function runChild(command, args) {
  const child = spawn(command, args, { stdio: "inherit" });
  // A terminal sends SIGINT and SIGQUIT to the whole foreground group, the child included; other senders mean us.
  const fromTerminal = process.stdin.isTTY ? ["SIGINT", "SIGQUIT"] : [];
  for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR2", "SIGCONT"])
    process.on(signal, () => fromTerminal.includes(signal) || child.kill(signal));
  child.on("error", (error) => {
    say(`Cannot start ${command}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // Dies of the same signal, so that the shell sees what happened; 128 + n where the signal is caught or harmless.
    process.removeAllListeners(signal);
    process.exitCode = 128 + (constants.signals[signal] ?? 0);
    process.kill(process.pid, signal);
  });
}

if (
  process.argv[1] !== undefined &&
  realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
) {
  await ensureInstalled();
  const args = process.argv.slice(2);
  // The script is named from the root; options of Node may stand before it.
  const script = args.findIndex((arg) => !arg.startsWith("-"));
  if (script < 0) {
    say("usage: node scripts/bootstrap.js [NODE-OPTION...] SCRIPT [ARGUMENT...]");
    process.exit(2);
  }
  if (args[script] === "src/main.ts") await ensurePage();
  args[script] = join(ROOT, args[script]);
  runPinned(args);
}
