// A small virtual machine with a real Linux kernel, for what this machine's kernel lacks: the bonding driver. The
// kernel and its modules are Debian's package, the rest is a busybox and a script that runs what comes over the
// serial line.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Rig, run, until } from "./rig.ts";

/** Kept between runs: the package is 26 MB. */
const CACHE: string = join(tmpdir(), "linkloom-guest");
const PACKAGE = "linux-image-cloud-amd64";
const BUSYBOX = "/bin/busybox";
const MODULES = ["virtio_pci", "virtio_net", "bonding"];
const DEPENDS = /depends=([a-z0-9_,-]*)\0/;

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /bin /sbin /proc /sys /dev /tmp
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
for module in $(cat /modules/order); do insmod /modules/$module 2>/dev/null; done
stty -echo -onlcr raw < /dev/ttyS0 2>/dev/null
exec < /dev/ttyS0 > /dev/ttyS0 2>&1
echo @@READY
while read -r line; do eval "$line"; echo "@@END $?"; done
poweroff -f
`;

/** One entry of a cpio archive in the "newc" format of the kernel's initramfs. */
function entry(name: string, mode: number, data: Buffer, number: number): Buffer {
  const hex = (value: number): string => value.toString(16).padStart(8, "0").toUpperCase();
  const fields = [number, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0];
  const head = Buffer.from(`070701${fields.map(hex).join("")}${name}\0`, "latin1");
  const pad = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);
  return Buffer.concat([head, pad(head.length), data, pad(data.length)]);
}

/** All files below a folder whose names end in .ko, by module name. */
function modulesBelow(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const one of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!one.isFile() || !one.name.endsWith(".ko")) continue;
    found.set(basename(one.name, ".ko").replaceAll("-", "_"), join(one.parentPath, one.name));
  }
  return found;
}

/** A module and what it depends on, dependencies first. */
function withNeeds(name: string, all: ReadonlyMap<string, string>, order: string[]): void {
  const path = all.get(name);
  if (path === undefined || order.includes(path)) return; // It may be built in.
  const needs = DEPENDS.exec(readFileSync(path, "latin1"))?.[1] ?? "";
  for (const need of needs.split(",")) withNeeds(need.replaceAll("-", "_"), all, order);
  order.push(path);
}

function makeImage(modules: string): Buffer {
  const order: string[] = [];
  const all = modulesBelow(modules);
  for (const name of MODULES) withNeeds(name, all, order);
  let number = 1;
  const directory = (name: string): Buffer => entry(name, 0o040755, Buffer.alloc(0), number++);
  const file = (name: string, data: Buffer): Buffer => entry(name, 0o100755, data, number++);
  return Buffer.concat([
    ...["bin", "modules", "dev", "proc", "sys", "tmp"].map(directory),
    file("bin/busybox", readFileSync(BUSYBOX)),
    file("init", Buffer.from(INIT)),
    file("modules/order", Buffer.from(order.map((path) => basename(path)).join("\n"))),
    ...order.map((path) => file(`modules/${basename(path)}`, readFileSync(path))),
    entry("TRAILER!!!", 0, Buffer.alloc(0), 0),
  ]);
}

const kernelIn = (folder: string): string | undefined =>
  existsSync(folder) ? readdirSync(folder).find((name) => name.startsWith("vmlinuz-")) : undefined;

/** Kernel and image, made when they are not there yet; a sentence where they cannot be. */
export async function prepareGuest(): Promise<{ kernel: string; image: string } | string> {
  if ((await run("qemu-system-x86_64", ["--version"])).code !== 0)
    return "there is no qemu-system-x86_64";
  if (!existsSync(BUSYBOX)) return `there is no ${BUSYBOX}`;
  const boot = join(CACHE, "root", "boot");
  if (kernelIn(boot) === undefined) {
    mkdirSync(CACHE, { recursive: true });
    const depends = await run("apt-cache", ["depends", PACKAGE]);
    const name = /Depends: (linux-image-\S+)/.exec(depends.stdout)?.[1];
    if (name === undefined) return `apt does not know ${PACKAGE}`;
    const script = `cd "$1" && apt-get download -q "$2" && dpkg -x "$2"_*.deb root && rm -f "$2"_*.deb`;
    const done = await run("sh", ["-c", script, "sh", CACHE, name], 300_000);
    if (done.code !== 0)
      return `apt-get download ${name} failed: ${done.stderr.trim().slice(-200)}`;
  }
  const kernel = kernelIn(boot);
  if (kernel === undefined) return "the package brings no kernel";
  const modules = join(CACHE, "root", "lib", "modules", kernel.replace("vmlinuz-", ""));
  const image = join(CACHE, "image");
  if (!existsSync(image)) writeFileSync(image, makeImage(modules));
  return { kernel: join(boot, kernel), image };
}

/** Reads from a socket until a pattern is there. */
function expect(socket: Socket, pattern: RegExp, millis: number): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = "";
    const done = (): void => {
      socket.off("data", onData);
      clearTimeout(timer);
    };
    const onData = (data: Buffer): void => {
      text += data.toString("latin1");
      const found = pattern.exec(text);
      if (found === null) return;
      done();
      resolve(found);
    };
    const timer = setTimeout(() => {
      done();
      reject(new Error(`the guest did not answer in ${millis} ms: ${text.slice(-300)}`));
    }, millis);
    socket.on("data", onData);
  });
}

async function open(path: string): Promise<Socket> {
  return until(
    `socket ${path}`,
    () =>
      new Promise<Socket | false>((resolve) => {
        const socket = connect(path);
        socket.once("connect", () => resolve(socket));
        socket.once("error", () => resolve(false));
      }),
  );
}

export class Guest {
  readonly #serial: Socket;
  readonly #monitor: Socket;
  #tag = 0;

  private constructor(serial: Socket, monitor: Socket) {
    this.#serial = serial;
    this.#monitor = monitor;
  }

  /** Starts a guest in a namespace; its eth0.. are the TAP devices of that namespace. */
  static async start(
    rig: Rig,
    short: string,
    taps: readonly string[],
    boot: { readonly kernel: string; readonly image: string },
  ): Promise<Guest> {
    const serial = join(rig.directory, "guest.serial");
    const monitor = join(rig.directory, "guest.monitor");
    const offloads =
      "csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off," +
      "host_tso4=off,host_tso6=off,host_ecn=off,host_ufo=off,guest_announce=off";
    const nics = taps.flatMap((tap, n) => [
      ...["-netdev", `tap,id=n${n},ifname=${tap},script=no,downscript=no,vnet_hdr=off`],
      "-device",
      `virtio-net-pci,id=d${n},netdev=n${n},romfile=,mac=52:54:00:10:00:0${n},speed=10000,duplex=full,${offloads}`,
    ]);
    rig.start(
      ...([
        short,
        "qemu-system-x86_64",
        "-accel",
        "tcg",
        "-M",
        "q35",
        "-m",
        "192",
        "-smp",
        "1",
      ] as const),
      ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
      ...[
        "-serial",
        `unix:${serial},server=on,wait=off`,
        "-qmp",
        `unix:${monitor},server=on,wait=off`,
      ],
      ...["-kernel", boot.kernel, "-initrd", boot.image],
      ...["-append", "console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off random.trust_cpu=on"],
      ...nics,
    );
    const line = await open(serial);
    await expect(line, /@@READY/, 60_000);
    const control = await open(monitor);
    control.write('{"execute": "qmp_capabilities"}\n');
    await expect(control, /"return"/, 5000);
    rig.onEnd(async () => {
      line.destroy();
      control.destroy();
    });
    return new Guest(line, control);
  }

  /** Runs a line of shell in the guest; what it printed. It must succeed. */
  async run(command: string, millis = 30_000): Promise<string> {
    const tag = `@@T${this.#tag++}`;
    const answer = expect(this.#serial, new RegExp(`${tag}\\r?\\n([^]*)@@END (\\d+)`), millis);
    this.#serial.write(`echo ${tag}; ${command}\n`);
    const [, text = "", code = ""] = await answer;
    if (code !== "0") throw new Error(`in the guest: ${command}: exit ${code}: ${text}`);
    return text.replaceAll("\r", "");
  }

  /** Moves the carrier of one of the guest's devices. */
  async setLink(device: number, up: boolean): Promise<void> {
    const answer = expect(this.#monitor, /"return"/, 5000);
    const words = { execute: "set_link", arguments: { name: `d${device}`, up } };
    this.#monitor.write(`${JSON.stringify(words)}\n`);
    await answer;
  }
}
