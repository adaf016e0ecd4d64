// npm run deb [-- FOLDER]: linkloom_VERSION_ARCHITECTURE.deb for the machine's own architecture, by dpkg-deb(1). What
// npm pack publishes, the locked packages that it uses, and the pinned Node.js under /usr/lib/linkloom; nothing is
// fetched, neither now nor when it is installed. The same sources give the same bytes: every time is that of
// SOURCE_DATE_EPOCH, else of the last commit.

import { type ExecFileSyncOptions, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { copyright, debianChangelog, newestChanges, type Part } from "./deb-texts.ts";
import { ROOT, text } from "./files.ts";
import { readLock } from "./lock.ts";

const HOME = "usr/lib/linkloom";
const DOC = "usr/share/doc/linkloom";
/** Debian's names of the CPU families that the lock has a Node.js for. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** What an installed package does not read: sources of what is compiled, declarations, documentation, tests, tools. */
const NOT_READ: readonly RegExp[] = [
  /^(?:\.[^/]+|benchmarks?|bin|docs?|examples?|scripts|tests?|vendor|musl_\w+)\//,
  /^(?:bin\.m?js|cnoke\.cjs)$/,
  /(?:^|\/)(?:\.[^/]+|CMakeLists\.txt|trampolines\.cjs)$/,
  /\.(?:[cm]?ts|map|md|markdown|yml|cc|hh?|S|asm|inc|def|sh|html|drawio|zip|bnf|svg|ico)$/,
];
const LICENCE_FILE = /^(?:licen[cs]e|copying)(?:[.-].*)?$/i;

/** Whether a file of a package is taken along; licences go to the copyright file instead. */
export const isRead = (path: string): boolean =>
  !NOT_READ.some((pattern) => pattern.test(path)) &&
  !LICENCE_FILE.test(path.split("/").at(-1) ?? "");

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name?: string };
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** Packages that run with Linkloom, as the lock has them and this machine's platform takes them. */
export function runtimePackages(): string[] {
  return Object.entries(readLock().packages)
    .filter(([path, entry]) => path.startsWith("node_modules/") && entry.dev !== true)
    .filter(([path, entry]) => entry.link !== true && existsSync(join(ROOT, path)))
    .map(([path]) => path)
    .filter((path) => !path.startsWith("node_modules/node-linux-"));
}

/** Copies a file with its folders; 0755 or 0644. */
function put(from: string, to: string, mode = 0o644): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}

function write(to: string, content: string | Uint8Array, mode = 0o644): void {
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, content);
  chmodSync(to, mode);
}

/** What npm publishes, unpacked into a folder. */
function unpackPublished(folder: string): void {
  const tarballs = mkdtempSync(join(tmpdir(), "linkloom-pack-"));
  try {
    execFileSync("npm", ["pack", "--silent", "--pack-destination", tarballs], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [tarball = ""] = readdirSync(tarballs);
    mkdirSync(folder, { recursive: true });
    const unpack = ["-xzf", join(tarballs, tarball), "-C", folder, "--strip-components=1"];
    execFileSync("tar", [...unpack, "--no-same-owner"], { stdio: "inherit" });
  } finally {
    rmSync(tarballs, { recursive: true, force: true });
  }
}

/** Paths of the files below a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** The packages that run with Linkloom, and who wrote them. */
function putPackages(root: string): Part[] {
  return runtimePackages().map((path) => {
    const from = join(ROOT, path);
    const paths = filesBelow(from).filter((file) => !file.startsWith("node_modules/"));
    for (const file of paths) if (isRead(file)) put(join(from, file), join(root, HOME, path, file));
    return partOf(from, `${HOME}/${path}/*`);
  });
}

function partOf(folder: string, files: string): Part {
  const { name, version, license = "unknown", author = "" } = manifestOf(folder);
  const file = readdirSync(folder).find((entry) => LICENCE_FILE.test(entry));
  return {
    files,
    name,
    version,
    licence: license,
    text: file === undefined ? undefined : readFileSync(join(folder, file), "utf8"),
    authors: typeof author === "string" ? author : (author.name ?? ""),
  };
}

/** The application under /usr/lib/linkloom, which its own Node.js runs. */
function putApplication(root: string): Part[] {
  const home = join(root, HOME);
  unpackPublished(home);
  for (const name of ["LICENSE", "README.md", "CHANGELOG.md"]) rmSync(join(home, name));
  for (const path of filesBelow(home)) {
    if (/\.d\.ts$|^dist\/(?:linkloom\.1|web-licences\.txt)$/.test(path)) rmSync(join(home, path));
    else chmodSync(join(home, path), 0o644);
  }
  const command = join(home, "bin/linkloom");
  const words = readFileSync(command, "utf8");
  // The kernel hands the rest of the line over as one word; one option is all there is.
  const first = words.replace("#!/usr/bin/env -S node ", `#!/${HOME}/runtime/node `);
  if (first === words) throw new Error("bin/linkloom starts otherwise than this script expects");
  write(command, first, 0o755);
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  symlinkSync("../lib/linkloom/bin/linkloom", join(root, "usr/bin/linkloom"));

  const runtime = join(ROOT, "node_modules", `node-linux-${process.arch}`);
  put(join(runtime, "bin/node"), join(home, "runtime/node"), 0o755);
  const node = { ...partOf(runtime, `${HOME}/runtime/node`), name: "node", licence: "Node.js" };
  // The page has them inside: vite made one script of all.
  const page = ["preact", "uplot"].map((name) =>
    partOf(join(ROOT, "node_modules", name), `${HOME}/dist/web/assets/*`),
  );
  return [...putPackages(root), ...page, { ...node, authors: "Node.js contributors" }];
}

/** What the published command prints: completion as the shells want it, each in its own place. */
function putCompletion(root: string): void {
  const places = {
    bash: "usr/share/bash-completion/completions/linkloom",
    zsh: "usr/share/zsh/vendor-completions/_linkloom",
    fish: "usr/share/fish/vendor_completions.d/linkloom.fish",
  };
  const main = join(root, HOME, "dist/main.js");
  for (const [shell, place] of Object.entries(places))
    write(join(root, place), execFileSync(process.execPath, [main, "completion", shell]));
}

/** Compressed as Debian asks, without a time. */
const compressed = (content: string | Uint8Array): Uint8Array => gzipSync(content, { level: 9 });

function putDocumentation(root: string, parts: readonly Part[], by: Build): void {
  const manual = execFileSync(process.execPath, [join(ROOT, "scripts/man.ts")]);
  write(join(root, "usr/share/man/man1/linkloom.1.gz"), compressed(manual));
  write(join(root, DOC, "copyright"), copyright(parts));
  const changes = newestChanges(text("CHANGELOG.md"));
  write(join(root, DOC, "changelog.gz"), compressed(debianChangelog(changes, by)));
  put(join(ROOT, "docs/reference/configuration.md"), join(root, DOC, "configuration.md"));
  for (const name of readdirSync(join(ROOT, "docs/examples")))
    put(join(ROOT, "docs/examples", name), join(root, DOC, "examples", name));
  for (const name of filesBelow(join(ROOT, "ops")))
    put(join(ROOT, "ops", name), join(root, DOC, "examples/monitoring", name));
}

/** What a package is built as. */
interface Build {
  readonly version: string;
  readonly architecture: string;
  readonly maintainer: string;
  /** Seconds since the epoch: of the last commit, unless SOURCE_DATE_EPOCH says. */
  readonly seconds: number;
}

/** Debian's own variables name the maintainer; this project has no address. */
function describeBuild(): Build {
  const env = process.env;
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined)
    throw new Error(`No pinned Node.js for ${process.arch}; the lock has x64 and arm64`);
  return {
    version: manifestOf(ROOT).version.replace("-", "~"),
    architecture,
    maintainer: `${env["DEBFULLNAME"] ?? "Linkloom contributors"} <${env["DEBEMAIL"] ?? "linkloom@localhost"}>`,
    seconds: Number(env["SOURCE_DATE_EPOCH"] ?? lastChange()),
  };
}

function lastChange(): number {
  try {
    const options: ExecFileSyncOptions = { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] };
    return Number(String(execFileSync("git", ["log", "-1", "--format=%ct"], options)));
  } catch {
    // No clone, or no git: the last entry of the changelog.
    return Math.floor(statSync(join(ROOT, "CHANGELOG.md")).mtimeMs / 1000);
  }
}

/** DEBIAN/: control, the maintainer scripts, the configuration files and the sums. */
function putControl(root: string, build: Build): void {
  const from = join(ROOT, "packaging/debian");
  const paths = filesBelow(root);
  const sums = paths
    .filter((path) => path !== "usr/bin/linkloom" && !path.startsWith("etc/"))
    .map((path) => {
      const sum = createHash("md5")
        .update(readFileSync(join(root, path)))
        .digest("hex");
      return `${sum}  ${path}\n`;
    });
  const kilobytes = paths.reduce(
    (sum, path) => sum + Math.ceil(statSync(join(root, path)).size / 1024),
    0,
  );
  const values: Readonly<Record<string, string>> = {
    VERSION: build.version,
    ARCHITECTURE: build.architecture,
    MAINTAINER: build.maintainer,
    SIZE: String(kilobytes),
    NODE: manifestOf(join(ROOT, "node_modules", `node-linux-${process.arch}`)).version,
  };
  const control = readFileSync(join(from, "control"), "utf8");
  write(
    join(root, "DEBIAN/control"),
    control.replaceAll(/@([A-Z]+)@/g, (_, name: string) => values[name] ?? ""),
  );
  for (const script of ["postinst", "prerm", "postrm"])
    put(join(from, script), join(root, "DEBIAN", script), 0o755);
  write(join(root, "DEBIAN/conffiles"), "/etc/linkloom/linkloom.yaml\n");
  write(join(root, "DEBIAN/md5sums"), sums.join(""));
}

/** Gives every file and folder the build's time: dpkg-deb alone would only take away what is newer. */
function settle(folder: string, seconds: number): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) settle(path, seconds);
    else lutimesSync(path, seconds, seconds);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, seconds, seconds);
}

/** Builds the package into a folder; its path. */
export function buildPackage(folder: string): string {
  const build = describeBuild();
  const root = mkdtempSync(join(tmpdir(), "linkloom-deb-"));
  try {
    const parts = putApplication(root);
    putCompletion(root);
    putDocumentation(root, parts, build);
    const packaging = join(ROOT, "packaging");
    put(join(packaging, "linkloom.service"), join(root, "usr/lib/systemd/system/linkloom.service"));
    put(join(packaging, "debian/linkloom.yaml"), join(root, "etc/linkloom/linkloom.yaml"));
    put(
      join(packaging, "debian/lintian-overrides"),
      join(root, "usr/share/lintian/overrides/linkloom"),
    );
    putControl(root, build);
    settle(root, build.seconds);
    mkdirSync(folder, { recursive: true });
    const deb = resolve(folder, `linkloom_${build.version}_${build.architecture}.deb`);
    // Level 1 is a tenth of level 6's time for a seventh more bytes, nearly all of them Node.js.
    const how = ["--root-owner-group", "-Zxz", "-z1", "--build", root, deb];
    execFileSync("dpkg-deb", how, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, SOURCE_DATE_EPOCH: String(build.seconds) },
    });
    return deb;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const deb = buildPackage(resolve(process.argv[2] ?? join(ROOT, "packages")));
  console.log(`${deb}: ${(statSync(deb).size / 1e6).toFixed(1)} MB`);
}
