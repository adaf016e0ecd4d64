// The Debian package where nothing else is: installed into a minimal Debian 12, run there by a user with two rights
// beside two hosts that ping through it, as a service of a booted systemd, in a container, and purged without a trace.
// The package of npm is installed by test/package.test.ts.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  chownSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CleanRoot } from "./clean-root.ts";
import { type Rig, run, until, withRig } from "./rig.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const UNIT = "usr/lib/systemd/system/linkloom.service";
const CONFIG = "etc/linkloom/linkloom.yaml";
/** Beside minbase, what a server has and the tests look through: none of it is needed to run. */
const PACKAGES = ["bash-completion", "man-db", "systemd", "systemd-sysv"];
/** Nobody: no right of its own. */
const NOBODY = 65534;
/** What a busy machine takes for something that an idle one does in a second or two. */
const LIMIT = 120_000;

const SITE = `cores: { count: 2 }
ports:
  p1: { driver: packet, interface: eth1 }
  p2: { driver: packet, interface: eth2 }
bridges:
  br0:
    channels:
      p1: { mode: access, access-vlan: 10, stp: { edge: on } }
      p2: { mode: access, access-vlan: 10, stp: { edge: on } }
interfaces:
  vlan10: { bridge: br0, vlan: 10, addresses: [192.0.2.1/24] }
`;

const folder = mkdtempSync(join(tmpdir(), "linkloom-packaging-"));
let made: CleanRoot | string = "";
let deb = "";
/** Every path of the root before the package came. */
let bare = new Set<string>();

before(
  async () => {
    made = await CleanRoot.make(PACKAGES);
    if (typeof made === "string") return;
    const built = await run(process.execPath, [join(ROOT, "scripts/deb.ts"), folder], 600_000);
    assert.equal(built.code, 0, built.stderr);
    [deb = ""] = globSync(join(folder, "linkloom_*.deb"));
    copyFileSync(deb, made.path("srv/linkloom.deb"));
    bare = await pathsOf(made);
  },
  { timeout: 3_000_000 },
);

after(() => {
  if (typeof made !== "string") made.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** The clean root; undefined where none can be made, and the test is skipped then. */
function rootFor(t: TestContext): CleanRoot | undefined {
  if (typeof made !== "string") return made;
  t.skip(made);
  return undefined;
}

/** Every path but what dpkg, man and a boot keep for themselves. */
async function pathsOf(root: CleanRoot): Promise<Set<string>> {
  const kept = [
    "dpkg",
    "systemd/catalog",
    "systemd/coredump",
    "systemd/timers",
    "systemd/random-seed",
  ];
  const own = new RegExp(
    `^/(?:root|srv|tmp|proc|sys|dev)/|^/var/(?:log|cache|tmp)/|^/var/lib/(?:${kept.join("|")})`,
  );
  const all = await root.must("find", "/", "-xdev");
  return new Set(all.split("\n").filter((path) => path !== "" && !own.test(path)));
}

/** Two hosts and the namespace between them, whose kernel is mute. */
async function makeSite(rig: Rig): Promise<void> {
  await rig.mute("box");
  await rig.host("one");
  await rig.host("two");
  await rig.cable("one", "eth0", "box", "eth1");
  await rig.cable("two", "eth0", "box", "eth2");
  await rig.address("one", "eth0", "192.0.2.11/24");
  await rig.address("two", "eth0", "192.0.2.12/24");
}

async function pingsThrough(rig: Rig): Promise<void> {
  for (const target of ["192.0.2.12", "192.0.2.1"])
    await until(`pings to ${target}`, async () => (await rig.ping("one", target, 3)) === 3, LIMIT);
}

test("the Debian package installs where nothing else is, its command runs, and no service starts", async (t) => {
  const root = rootFor(t);
  if (root === undefined) return;
  assert.notEqual((await root.try("sh", "-c", "command -v node")).code, 0, "there is a Node.js");

  await root.must("dpkg", "--install", "/srv/linkloom.deb");

  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.equal((await root.must("linkloom", "--version")).trim(), version);
  assert.match(await root.must("linkloom", "check", `/${CONFIG}`), /is valid: .* 0 ports/);
  assert.equal(await root.must("dpkg", "--verify", "linkloom"), "");
  assert.equal(await root.must("dpkg", "--audit"), "");
  assert.match(
    await root.must("dpkg-query", "--status", "linkloom"),
    /^Conffiles:\n \/etc\/linkloom\/linkloom\.yaml/m,
  );
  assert.equal((await root.try("systemctl", "is-enabled", "linkloom")).stdout.trim(), "disabled");
  const strangers = await root.must(
    "find",
    "/usr/lib/linkloom",
    "!",
    "-user",
    "root",
    "-o",
    "-perm",
    "/022",
    "!",
    "-type",
    "l",
  );
  assert.equal(strangers, "", "files that others than root may write");
  const missing = await root.must(
    "sh",
    "-c",
    "find /usr/lib/linkloom -name '*.node' -o -name node -type f | xargs ldd",
  );
  assert.doesNotMatch(missing, /not found/);
});

test("the example in the installed configuration is a valid one when its comments are taken away", async (t) => {
  const root = rootFor(t);
  if (root === undefined) return;
  const [head = "", example = ""] = readFileSync(root.path(CONFIG), "utf8").split(/^(?=#ports:)/m);
  assert.notEqual(example, "");
  writeFileSync(root.path("srv/example.yaml"), head + example.replaceAll(/^#/gm, ""));

  await withRig(async (rig) => {
    await makeSite(rig);
    const words = root.words("linkloom", "check", "/srv/example.yaml");
    assert.match(await rig.in("box", ...words), /2 ports, 1 bridge, 1 interface/);
  });
});

test("the manual, the completion and the licences are where Debian has them", async (t) => {
  const root = rootFor(t);
  if (root === undefined) return;
  const manual = await root.must("env", "MANWIDTH=100", "man", "-P", "cat", "linkloom");
  for (const words of ["linkloom show arp", "linkloom.yaml", "EXIT STATUS"])
    assert.ok(manual.includes(words), `the manual has no "${words}"`);
  const warned = await root.try("man", "--warnings", "-P", "cat", "linkloom");
  assert.equal(warned.stderr, "");

  const complete = `source /usr/share/bash-completion/bash_completion
_completion_loader linkloom
complete -p linkloom
COMP_WORDS=(linkloom sh) COMP_CWORD=1; _linkloom; echo "\${COMPREPLY[*]}"
COMP_WORDS=(linkloom show ar) COMP_CWORD=2; _linkloom; echo "\${COMPREPLY[*]}"`;
  assert.deepEqual((await root.must("bash", "-c", complete)).trim().split("\n"), [
    "complete -F _linkloom linkloom",
    "show",
    "arp",
  ]);

  const copyright = readFileSync(root.path("usr/share/doc/linkloom/copyright"), "utf8");
  for (const name of ["node ", "koffi ", "fastify ", "preact ", "uplot "])
    assert.ok(copyright.includes(`Comment: ${name}`), `${name} is not in the copyright file`);
  assert.match(copyright, /^License: Node\.js/m);
  const changelog = await root.must("zcat", "/usr/share/doc/linkloom/changelog.gz");
  assert.match(changelog, /^linkloom \(\S+\) unstable; urgency=medium\n\n {2}\* /);
});

test("systemd finds nothing wrong with the unit, and rates what it may do as little", async (t) => {
  const root = rootFor(t);
  if (root === undefined) return;
  const verified = await root.try("systemd-analyze", "verify", `/${UNIT}`);
  assert.deepEqual([verified.code, verified.stdout, verified.stderr], [0, "", ""]);

  const rated = await root.try("systemd-analyze", "security", "--offline=true", "linkloom.service");
  const [, exposure = ""] =
    /exposure level for linkloom\.service: ([\d.]+)/.exec(rated.stdout) ?? [];
  t.diagnostic(`exposure ${exposure}, of 10`);
  assert.ok(Number(exposure) > 0 && Number(exposure) <= 3.5, rated.stdout);
});

test("OPS-2 a user with CAP_NET_RAW and CAP_NET_ADMIN alone runs it: hosts ping through, show, API and page answer", async (t) => {
  const root = rootFor(t);
  if (root === undefined) return;
  await withRig(async (rig) => {
    await makeSite(rig);
    writeFileSync(root.path("srv/site.yaml"), SITE);
    mkdirSync(root.path("run/linkloom"), { recursive: true });
    chownSync(root.path("run/linkloom"), NOBODY, NOBODY);
    const rights = "-all,+net_raw,+net_admin";
    const started = rig.start(
      "box",
      ...root.words(
        ...[
          "setpriv",
          `--reuid=${NOBODY}`,
          `--regid=${NOBODY}`,
          "--clear-groups",
          "--no-new-privs",
        ],
        ...[`--inh-caps=${rights}`, `--ambient-caps=${rights}`, `--bounding-set=${rights}`],
        ...["linkloom", "run", "-c", "/srv/site.yaml", "--socket", "/run/linkloom/control.sock"],
      ),
    );
    const { child, output } = started;
    await until(
      "the appliance to be ready",
      () => {
        assert.equal(child.exitCode, null, output());
        return output().includes("linkloom ready: 2 cores, 2 ports");
      },
      LIMIT,
    );
    const status = readFileSync(`/proc/${child.pid}/status`, "latin1");
    assert.match(status, new RegExp(`^Uid:\\s+${NOBODY}\\s+${NOBODY}`, "m"));
    assert.match(status, /^CapEff:\s+0000000000003000$/m);
    assert.match(status, /^CapBnd:\s+0000000000003000$/m);

    await pingsThrough(rig);
    const shown = JSON.parse(await root.must("linkloom", "show", "bridge", "--json"));
    assert.ok(shown.length > 0, "show bridge is empty");
    await looksAtApi(rig, root);

    child.kill("SIGTERM");
    await started.ended;
    assert.equal(child.exitCode, 0, output());
    rmSync(root.path("run/linkloom"), { recursive: true });
  });
});

/** What a browser and a program see on loopback of the appliance's namespace. */
async function looksAtApi(rig: Rig, root: CleanRoot): Promise<void> {
  const tokens = readFileSync(root.path("run/linkloom/control.tokens"), "utf8");
  const [, token = ""] = /^read\s+(\S+)$/m.exec(tokens) ?? [];
  const asking = `const [token] = process.argv.slice(1);
const ask = async (path, headers = {}) => {
  const answer = await fetch("http://127.0.0.1:7474" + path, { headers });
  return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
};
const page = await ask("/");
const scripts = [...page.text.matchAll(/(?:src|href)="\\.?\\/?([^"]+\\.(?:js|css))"/g)].map((m) => "/" + m[1]);
const parts = [];
for (const path of scripts) parts.push({ path, ...(await ask(path)), text: "" });
const refused = await ask("/api/v1/ports");
const ports = await ask("/api/v1/ports", { authorization: "Bearer " + token });
console.log(JSON.stringify({ page, parts, refused, ports }));`;
  const program = [process.execPath, "--input-type=module", "-e", asking, token] as const;
  const { page, parts, refused, ports } = JSON.parse(await rig.in("box", ...program));
  assert.equal(page.status, 200);
  assert.match(page.type, /text\/html/);
  assert.ok(parts.length >= 2, page.text);
  for (const part of parts) {
    assert.equal(part.status, 200, part.path);
    assert.match(part.type, part.path.endsWith(".js") ? /javascript/ : /css/);
  }
  assert.equal(refused.status, 401);
  assert.equal(ports.status, 200, ports.text);
  assert.ok(JSON.parse(ports.text).length > 0);
}

/** What a booted machine does with the service, step by step; this side reads the lines and pings meanwhile. */
const BOOTED = `exec >/srv/out 2>&1
echo booted
systemctl start linkloom && echo started
pid=$(systemctl show -P MainPID linkloom)
grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' /proc/$pid/status
systemctl reload linkloom && echo reloaded
until [ -e /srv/go ]; do sleep 0.2; done
linkloom show health && echo answered
kill -STOP $pid
for n in $(seq 300); do [ "$(systemctl show -P NRestarts linkloom)" = 1 ] && echo watched && break; sleep 0.2; done
for n in $(seq 300); do [ "$(systemctl is-active linkloom)" = active ] && echo again && break; sleep 0.2; done
mkdir -p /etc/systemd/system/linkloom.service.d && cp /srv/group.conf /etc/systemd/system/linkloom.service.d/
groupadd netops && useradd --system --user-group linkloom
chgrp linkloom /etc/linkloom/linkloom.yaml && chmod 640 /etc/linkloom/linkloom.yaml
systemctl daemon-reload && systemctl restart linkloom
echo runs as $(id -un $(awk '/^Uid:/ { print $2 }' /proc/$(systemctl show -P MainPID linkloom)/status))
setpriv --reuid=65534 --regid=netops --clear-groups linkloom show health >/dev/null && echo a member may
setpriv --reuid=65534 --regid=65534 --clear-groups linkloom show health >/dev/null || echo others may not
systemctl stop linkloom && echo stopped: $(systemctl show -P Result linkloom)
rm -r /etc/systemd/system/linkloom.service.d
ls -d /run/linkloom /var/lib/private/linkloom/configurations
echo end
journalctl -u linkloom --no-pager
systemctl poweroff
`;

/** Boots the root as a machine of its own. */
function boot(...args: string[]): {
  child: ChildProcess;
  ended: Promise<void>;
  output: () => string;
} {
  // Its traces in /run/systemd are in a file system that ends with it.
  const script =
    'mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && exec systemd-nspawn "$@"';
  const alone = ["-m", "--propagation", "private", "sh", "-c", script, "sh"];
  const child = spawn("unshare", [...alone, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => {
      text += data.toString();
    });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return { child, ended, output: () => text };
}

const CHECK_UNIT = `[Unit]
After=multi-user.target
[Service]
Type=oneshot
TimeoutStartSec=600
ExecStart=/bin/sh /srv/booted.sh
`;

test("systemd runs the service as its unit says: ready, reload, watchdog, stop, with a user of its own", async (t) => {
  const root = rootFor(t);
  if (root === undefined) return;
  await withRig(async (rig) => {
    await makeSite(rig);
    writeFileSync(root.path(CONFIG), SITE);
    writeFileSync(root.path("srv/booted.sh"), BOOTED);
    writeFileSync(root.path("etc/systemd/system/check.service"), CHECK_UNIT);
    const chapter = readFileSync(join(ROOT, "docs/installation.md"), "utf8");
    const [, dropIn = ""] = /^```\n(\[Service\]\n[\s\S]*?)^```$/m.exec(chapter) ?? [];
    writeFileSync(root.path("srv/group.conf"), dropIn);
    const wants = root.path("etc/systemd/system/check.target");
    writeFileSync(
      wants,
      "[Unit]\nRequires=multi-user.target\nWants=check.service\nAllowIsolate=yes\n",
    );
    const before = new Set(globSync("/sys/fs/cgroup/*/{payload,supervisor}"));
    const how = ["--quiet", "--boot", `--directory=${root.folder}`, `--machine=ll-${process.pid}`];
    const more = ["--register=no", "--keep-unit", "--link-journal=no", "--console=pipe"];
    const rights = "--capability=CAP_NET_RAW,CAP_NET_ADMIN,CAP_BPF";
    const network = `--network-namespace-path=/run/netns/${rig.name("box")}`;
    const { child, ended, output } = boot(
      ...how,
      ...more,
      rights,
      network,
      "systemd.unit=check.target",
    );
    const out = root.path("srv/out");
    const says = (words: string): boolean =>
      existsSync(out) && readFileSync(out, "latin1").includes(words);
    const ends = (): boolean => child.exitCode !== null || child.signalCode !== null;
    try {
      await until("systemd to boot", () => says("booted") || ends(), LIMIT).catch(() => {});
      if (!says("booted")) {
        // Whether it can is up to the machine's control groups and mounts, not to the package.
        t.diagnostic(`NOT TESTED, no systemd can be booted here: ${output().slice(-500)}`);
        return;
      }
      await until("the service to start and reload", () => says("reloaded") || ends(), LIMIT);
      await pingsThrough(rig);
      writeFileSync(root.path("srv/go"), "");
      await until("the machine to stop", ends, 2 * LIMIT);
    } finally {
      child.kill("SIGKILL");
      await ended;
      for (const path of globSync("/sys/fs/cgroup/*/{payload,supervisor}"))
        if (!before.has(path)) await run("find", [path, "-depth", "-type", "d", "-delete"]);
      for (const path of [
        "srv/go",
        "etc/systemd/system/check.service",
        "etc/systemd/system/check.target",
      ])
        rmSync(root.path(path), { force: true });
    }
    const told = readFileSync(out, "latin1");
    for (const line of [
      "started",
      "reloaded",
      "answered",
      "watched",
      "again",
      "runs as linkloom",
      "a member may",
      "others may not",
      "stopped: success",
    ])
      assert.match(told, new RegExp(`^${line}$`, "m"), told);
    const [, user = "0"] = /^Uid:\s+(\d+)/m.exec(told) ?? [];
    assert.ok(Number(user) >= 61184 && Number(user) <= 65519, `a dynamic user, not ${user}`);
    assert.match(told, /^NoNewPrivs:\s+1$/m);
    assert.match(told, /^Seccomp:\s+2$/m);
    assert.match(told, /linkloom reloaded: nothing differs/);
    assert.match(told, /^\/var\/lib\/private\/linkloom\/configurations$/m);
    assert.doesNotMatch(told, /^\/run\/linkloom$/m);
  });
});

test("a removal keeps the configuration, another installation finds it, and a purge leaves nothing behind", async (t) => {
  const root = rootFor(t);
  if (root === undefined) return;
  writeFileSync(root.path(CONFIG), SITE);
  mkdirSync(root.path("var/lib/private/linkloom/configurations"), { recursive: true });
  await root.must("systemctl", "enable", "linkloom");

  await root.must("dpkg", "--remove", "linkloom");
  assert.equal(readFileSync(root.path(CONFIG), "utf8"), SITE);
  assert.notEqual((await root.try("sh", "-c", "command -v linkloom")).code, 0);
  await root.must("dpkg", "--install", "/srv/linkloom.deb");
  assert.equal(readFileSync(root.path(CONFIG), "utf8"), SITE);
  assert.equal((await root.try("systemctl", "is-enabled", "linkloom")).stdout.trim(), "enabled");

  await root.must("dpkg", "--purge", "linkloom");
  const left = [...(await pathsOf(root))].filter((path) => !bare.has(path));
  assert.deepEqual(
    left.filter((path) => path.includes("linkloom") || path.startsWith("/usr/")),
    [],
  );
  assert.equal((await root.try("dpkg-query", "-W", "linkloom")).code, 1);
});

test("the container file makes an image of it, whose command runs the appliance beside two hosts", async (t) => {
  const root = rootFor(t);
  if (root === undefined) return;
  const storage = join(root.folder, "../storage");
  const buildah = async (...words: string[]): Promise<string> => {
    const where = ["--storage-driver", "vfs", "--root", storage, "--runroot", `${storage}/run`];
    const done = await run("buildah", [...where, ...words], 3 * LIMIT);
    assert.equal(done.code, 0, `buildah ${words.join(" ")}: ${done.stdout}${done.stderr}`);
    return done.stdout.trim();
  };
  // Debian's own image cannot be had without a registry: the clean root is as much.
  const bare = await buildah("from", "scratch");
  await buildah("add", "--quiet", bare, root.folder, "/");
  await buildah("commit", "--quiet", "--rm", bare, "localhost/clean");
  const file = ["--file", join(ROOT, "packaging/Containerfile"), "--tag", "localhost/linkloom"];
  const how = ["--isolation", "chroot", "--pull-never", "--build-arg", "BASE=localhost/clean"];
  await buildah("build", ...how, ...file, folder);

  const image = JSON.parse(await buildah("inspect", "--type", "image", "localhost/linkloom"));
  const { Entrypoint, Cmd, Volumes } = image.OCIv1.config;
  assert.deepEqual(Object.keys(Volumes), ["/run/linkloom"]);
  const container = await buildah("from", "--pull-never", "localhost/linkloom");
  await withRig(async (rig) => {
    await makeSite(rig);
    writeFileSync(join(folder, "site.yaml"), SITE);
    const rights = ["CAP_NET_RAW", "CAP_NET_ADMIN"].flatMap((name) => ["--cap-add", name]);
    const started = rig.start(
      "box",
      ...(["buildah", "--storage-driver", "vfs", "--root", storage] as const),
      ...["--runroot", `${storage}/run`, "run", "--isolation", "chroot", ...rights],
      ...["--volume", `${folder}/site.yaml:/etc/linkloom/linkloom.yaml:ro`, container, "--"],
      ...[...Entrypoint, ...Cmd],
    );
    await until(
      "the container to be ready",
      () => {
        assert.equal(started.child.exitCode, null, started.output());
        return started.output().includes("linkloom ready: 2 cores, 2 ports");
      },
      LIMIT,
    );
    await pingsThrough(rig);
    await rig.finish(started);
  });
});
