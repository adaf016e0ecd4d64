// A minimal Debian 12 in a folder, made by debootstrap(8) from the mirror that this machine's apt uses, and commands in
// it. Each command has mounts of its own, in a mount namespace that ends with it, so that nothing stays mounted.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Done, run } from "./rig.ts";

const SUITE = "bookworm";
/** A slow mirror, a busy machine; an idle one needs half a minute. */
const LIMIT = 600_000;
/** Mirrors drop connections now and then. */
const TRIES = 3;
/** Where debootstrap can make devices: not on every machine's /tmp. */
const PLACES = [tmpdir(), "/var/tmp"];
const ENVIRONMENT = [
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "HOME=/root",
  "LANG=C.UTF-8",
  "DEBIAN_FRONTEND=noninteractive",
];
const ENTER =
  'root=$1; shift; mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys" && exec chroot "$root" "$@"';

/** Debian's mirror and, where apt has one, its proxy. */
interface Mirror {
  readonly address: string;
  readonly proxy: string;
}

async function findMirror(): Promise<Mirror | undefined> {
  const format = ["--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages"];
  const { stdout } = await run("apt-get", ["indextargets", ...format]);
  const line = stdout.split("\n").find((entry) => entry.endsWith(` ${SUITE} main`));
  if (line === undefined) return undefined;
  const [address = ""] = line.split(" ");
  const scheme = address.startsWith("https:") ? "https" : "http";
  const setting = await run("apt-config", ["shell", "proxy", `Acquire::${scheme}::Proxy`]);
  return { address, proxy: /proxy='([^']*)'/.exec(setting.stdout)?.[1] ?? "" };
}

/** The words that run others with an environment of their own, the proxy's included. */
function clean(mirror: Mirror | undefined, words: readonly string[]): string[] {
  const { proxy = "" } = mirror ?? {};
  const more = proxy === "" ? [] : [`http_proxy=${proxy}`, `https_proxy=${proxy}`];
  return ["env", "-i", ...ENVIRONMENT, ...more, ...words];
}

function runWords([command = "", ...args]: readonly string[], timeout?: number): Promise<Done> {
  return run(command, args, timeout);
}

/** Whether devices can be made and used below a folder. */
async function takesDevices(folder: string): Promise<boolean> {
  const device = join(folder, "null");
  const done = await run("sh", ["-c", 'mknod "$1" c 1 3 && echo > "$1"', "sh", device]);
  rmSync(device, { force: true });
  return done.code === 0;
}

export class CleanRoot {
  readonly folder: string;
  readonly #parent: string;

  private constructor(parent: string) {
    this.#parent = parent;
    this.folder = join(parent, "root");
  }

  /** A clean root with these packages beside the smallest set; or why none can be made here. */
  static async make(packages: readonly string[]): Promise<CleanRoot | string> {
    // In a user namespace, root makes no devices and has no other users.
    if (!/^\s*0\s+0\s+4294967295$/m.test(readFileSync("/proc/self/uid_map", "utf8")))
      return "needs root, in no user namespace";
    const mirror = await findMirror();
    if (mirror === undefined) return `apt knows no mirror of Debian ${SUITE}`;
    for (const place of PLACES) {
      const parent = mkdtempSync(join(place, "linkloom-root-"));
      if (await takesDevices(parent))
        return CleanRoot.#fill(new CleanRoot(parent), mirror, packages);
      rmSync(parent, { recursive: true, force: true });
    }
    return `no devices can be made in ${PLACES.join(" and ")}`;
  }

  static async #fill(
    root: CleanRoot,
    mirror: Mirror,
    packages: readonly string[],
  ): Promise<CleanRoot | string> {
    const include = `--include=${packages.join(",")}`;
    const words = ["debootstrap", "--variant=minbase", include, SUITE, root.folder, mirror.address];
    let log = "";
    for (let tried = 0; tried < TRIES; tried++) {
      rmSync(root.folder, { recursive: true, force: true });
      mkdirSync(root.folder);
      chmodSync(root.folder, 0o755);
      const done = await runWords(clean(mirror, words), LIMIT);
      if (done.code === 0) {
        await run("find", [root.path("var/cache/apt/archives"), "-name", "*.deb", "-delete"]);
        return root;
      }
      log = `${done.stdout}${done.stderr}`;
      await delay(5000);
    }
    root.remove();
    const release = `${mirror.address.replace(/\/$/, "")}/dists/${SUITE}/Release`;
    const probe = await runWords(
      clean(mirror, ["wget", "-q", "-T", "30", "-O", "/dev/null", release]),
    );
    if (probe.code !== 0) return "the mirror of Debian that apt names does not answer";
    throw new Error(`debootstrap failed:\n${log}`);
  }

  /** The words that run a command in the root, for run() or for a rig's namespace. */
  words(...command: string[]): [string, ...string[]] {
    const alone = ["-m", "--propagation", "private"];
    return [
      "unshare",
      ...alone,
      ...clean(undefined, ["sh", "-c", ENTER, "sh", this.folder]),
      ...command,
    ];
  }

  /** Runs a command in the root, whatever its exit code. */
  try(...command: string[]): Promise<Done> {
    return runWords(this.words(...command), 300_000);
  }

  /** Runs a command in the root; it must succeed. */
  async must(...command: string[]): Promise<string> {
    const done = await this.try(...command);
    if (done.code !== 0)
      throw new Error(`${command.join(" ")}: exit ${done.code}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  /** A path of the root as this machine sees it. */
  path(inside: string): string {
    return join(this.folder, inside);
  }

  remove(): void {
    rmSync(this.#parent, { recursive: true, force: true });
  }
}
