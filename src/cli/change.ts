// `add`, `rm`, `clear` and `send`: what an operator may change while the appliance runs.

import type { Command } from "commander";
import type { PingAnswer } from "../control/appliance-port.ts";
import { ControlError } from "../control/errors.ts";
import { ask, type Call } from "./client.ts";
import { print } from "./io.ts";
import type { Globals } from "./show.ts";

type Options = Globals & Readonly<Record<string, string | boolean | undefined>>;

/** Options of an action's last argument. */
const optionsOf = (given: unknown[]): Options =>
  (given.at(-1) as Command).optsWithGlobals<Options>();

/** Adds the commands. */
export function addChanges(program: Command): void {
  const add = program.command("add").description("add a static entry");
  add
    .command("arp")
    .description("a static ARP entry")
    .argument("<address>", "an IPv4 address")
    .argument("<mac>", "its MAC")
    .option(
      "-i, --interface <name>",
      "the interface; left out, the one whose subnet has the address",
    )
    .action(async (address: string, mac: string, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, post("arp", { address, mac, interface: options["interface"] }));
    });
  add
    .command("bridge")
    .description("a static station, which neither moves nor ages")
    .argument("<mac>", "the station's MAC")
    .requiredOption("--channel <name>", "where its frames go")
    .option("--vlan <number>", "its VLAN", "1")
    .option("--bridge <name>", "the bridge, when there are several")
    .action(async (mac: string, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      const { channel, vlan, bridge } = options;
      await change(options, post("bridge", { mac, channel, vlan, bridge }));
    });

  add
    .command("nd")
    .description("a static IPv6 neighbour")
    .argument("<address>", "an IPv6 address")
    .argument("<mac>", "its MAC")
    .option("-i, --interface <name>", "the interface; left out, the one on whose link it is")
    .action(async (address: string, mac: string, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, post("nd", { address, mac, interface: options["interface"] }));
    });

  const rm = program.command("rm").description("remove an entry");
  rm.command("arp")
    .description("an ARP entry, static or learned")
    .argument("<address>", "an IPv4 address")
    .option("-i, --interface <name>", "on this interface only")
    .action(async (address: string, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, remove(`arp/${encodeURIComponent(address)}`, options, ["interface"]));
    });
  rm.command("nd")
    .description("an IPv6 neighbour, static or learned")
    .argument("<address>", "an IPv6 address")
    .option("-i, --interface <name>", "on this interface only")
    .action(async (address: string, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, remove(`nd/${encodeURIComponent(address)}`, options, ["interface"]));
    });
  rm.command("bridge")
    .description("a static station")
    .argument("<mac>", "the station's MAC")
    .option("--vlan <number>", "its VLAN", "1")
    .option("--bridge <name>", "the bridge, when there are several")
    .action(async (mac: string, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(
        options,
        remove(`bridge/${encodeURIComponent(mac)}`, options, ["vlan", "bridge"]),
      );
    });
  addClear(program);
  addSend(program);
  addSet(program);
}

function addSet(program: Command): void {
  const set =
    program.commands.find((command) => command.name() === "set") ??
    program.command("set").description("change what runs, until it is configured anew");
  set
    .command("core")
    .description("take a core out of service without loss, or into it again")
    .argument("<core>", "its number")
    .argument("<state>", "online or offline")
    .action(async (core: string, state: string, ...rest: unknown[]) => {
      await change(optionsOf(rest), post(`cores/${encodeURIComponent(core)}`, { state }));
    });
  set
    .command("master")
    .description("give a role to a core until it is configured anew")
    .argument("<role>", "arp or link")
    .argument("<core>", "a core that is online, or auto for the configuration's")
    .action(async (role: string, core: string, ...rest: unknown[]) => {
      await change(optionsOf(rest), post(`roles/${encodeURIComponent(role)}`, { core }));
    });
  set
    .command("vr")
    .description("a virtual router")
    .argument("<name>", "a virtual router, such as gw10")
    .argument("<what>", "priority")
    .argument("<value>", "1 to 254, or auto for the configuration's")
    .action(async (name: string, what: string, value: string, ...rest: unknown[]) => {
      if (what !== "priority") {
        throw new ControlError("usage", `"${what}" cannot be set`, "write set vr NAME priority N");
      }
      const path = `vr/${encodeURIComponent(name)}/priority`;
      await change(optionsOf(rest), post(path, { priority: value }));
    });
}

function addClear(program: Command): void {
  const clear = program
    .command("clear")
    .description("forget what was learned; static entries stay");
  clear
    .command("arp")
    .description("learned ARP entries, on all cores")
    .argument("[address]", "this address only")
    .option("-i, --interface <name>", "on this interface only")
    .action(async (address: string | undefined, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, remove("arp", { ...options, address }, ["address", "interface"]));
    });
  clear
    .command("nd")
    .description("learned IPv6 neighbours, on all cores")
    .argument("[address]", "this address only")
    .option("-i, --interface <name>", "on this interface only")
    .action(async (address: string | undefined, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, remove("nd", { ...options, address }, ["address", "interface"]));
    });
  clear
    .command("vmac")
    .description("virtual MACs that were heard, on all cores")
    .option("-i, --interface <name>", "on this interface only")
    .option("--vrid <number>", "this VRID only")
    .action(async (...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, remove("vmac", options, ["interface", "vrid"]));
    });
  clear
    .command("bridge")
    .description("learned stations, on all cores")
    .argument("[mac]", "this station only")
    .option("--vlan <number>", "in this VLAN only")
    .option("--channel <name>", "on this channel only")
    .option("--bridge <name>", "of this bridge only")
    .action(async (mac: string | undefined, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(
        options,
        remove("bridge", { ...options, mac }, ["mac", "vlan", "channel", "bridge"]),
      );
    });
  addClearStp(clear);
  addClearGroups(clear);
}

function addClearGroups(clear: Command): void {
  clear
    .command("groups")
    .description("multicast groups; who wants one says so at the next query")
    .argument("[address]", "this group only")
    .option("--vlan <number>", "in this VLAN only")
    .option("--bridge <name>", "of this bridge only")
    .action(async (address: string | undefined, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      const words = ["address", "vlan", "bridge"];
      await change(options, remove("groups", { ...options, address }, words));
    });
  clear
    .command("protection")
    .description("opens channels that loop detection, storm control or a station limit shut")
    .argument("[channel]", "this channel only")
    .action(async (channel: string | undefined, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, remove("protection", { ...options, channel }, ["channel"]));
    });
}

function addClearStp(clear: Command): void {
  clear
    .command("stp")
    .description("what BPDU guard shut, and old neighbours of the spanning tree")
    .argument("[channel]", "this channel only")
    .action(async (channel: string | undefined, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, remove("stp", { ...options, channel }, ["channel"]));
    });
}

function addSend(program: Command): void {
  const send = program.command("send").description("send something from the appliance");
  send
    .command("arp")
    .description("gratuitous ARP: tell the network where our addresses are")
    .argument("[address]", "one of the appliance's addresses")
    .option("--all", "all of them")
    .action(async (address: string | undefined, ...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, post("arp/announce", { address, all: options["all"] }));
    });
  send
    .command("nd")
    .description("unsolicited advertisements: tell the links where our IPv6 addresses are")
    .option("-i, --interface <name>", "of this interface only")
    .action(async (...rest: unknown[]) => {
      const options = optionsOf(rest);
      await change(options, post("nd/announce", { interface: options["interface"] }));
    });
  send
    .command("ping")
    .description("ICMP echo from the appliance")
    .argument("<address>", "an address; a link-local one as fe80::9%INTERFACE")
    .option("--count <number>", "how many", "3")
    .option("--size <bytes>", "bytes of payload", "56")
    // Longer than the three ARP requests of an address where nobody is.
    .option("--timeout <duration>", "how long to wait for each", "4s")
    .action(async (address: string, ...rest: unknown[]) => {
      await ping(address, optionsOf(rest));
    });
}

/** A POST of the words that are there. */
function post(path: string, body: Readonly<Record<string, unknown>>): Call {
  return { method: "POST", path, body };
}

/** A DELETE with the named options as its query. */
function remove(path: string, options: Options, names: readonly string[]): Call {
  const query = Object.fromEntries(
    names.map((name) => [name, typeof options[name] === "string" ? options[name] : undefined]),
  );
  return { method: "DELETE", path, query };
}

async function change(options: Options, call: Call): Promise<void> {
  const { body } = await ask(options.socket, call);
  await print(options.json === true ? body : (JSON.parse(body) as { detail: string }).detail);
}

async function ping(address: string, options: Options): Promise<void> {
  const count = Number(options["count"]);
  if (!Number.isInteger(count) || count < 1 || count > 100_000) {
    throw new ControlError("usage", `"${options["count"]}" is no number of pings`, "1 to 100000");
  }
  const { size, timeout } = options;
  const times: number[] = [];
  let reason = "";
  for (let sent = 0; sent < count; sent++) {
    if (sent > 0) await new Promise((resolve) => setTimeout(resolve, 1000));
    const call = post("ping", { address, size: Number(size), timeout });
    const { body } = await ask(options.socket, call);
    const answer = JSON.parse(body) as PingAnswer;
    if (answer.replied) times.push(answer.roundTripMs);
    else ({ reason } = answer);
    const text = answer.replied
      ? `${address}: ${answer.roundTripMs.toFixed(3)} ms`
      : `${address}: ${answer.reason}`;
    await print(options.json === true ? body : text);
  }
  if (times.length === 0) {
    throw new ControlError("operation-failed", `${address} did not answer`, reason);
  }
  if (options.json === true) return;
  const worst = Math.max(...times).toFixed(3);
  await print(
    `${times.length} of ${count} answered, ${Math.min(...times).toFixed(3)} to ${worst} ms`,
  );
}
