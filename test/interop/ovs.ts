// A private Open vSwitch in one namespace of a rig: its own database, its user-space datapath, nothing of the
// machine's.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Rig, until } from "./rig.ts";

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

/** Runs ovs-vsctl against the private instance. */
export type Configure = (...words: string[]) => Promise<string>;

/** Starts Open vSwitch in a namespace, with a bridge br0 in user space; resolves when it takes commands. */
export async function startOvs(rig: Rig, short: string): Promise<Configure> {
  const directory = join(rig.directory, `ovs-${short}`);
  mkdirSync(directory);
  const database = join(directory, "conf.db");
  const socket = join(directory, "db.sock");
  const environment = ["env", `OVS_RUNDIR=${directory}`];
  const quiet = ["-vconsole:warn", "-vsyslog:off", "-vfile:off"];
  await rig.must("ovsdb-tool", "create", database, SCHEMA);
  const [env, ...variables] = environment as [string, ...string[]];
  rig.start(
    ...([short, env, ...variables] as const),
    ...["ovsdb-server", database, `--remote=punix:${socket}`],
    ...[`--unixctl=${join(directory, "db.ctl")}`, ...quiet],
  );
  const configure: Configure = (...words) =>
    rig.must("ovs-vsctl", "--timeout=10", `--db=unix:${socket}`, ...words);
  await until("the database", async () =>
    configure("--no-wait", "init").then(
      () => true,
      () => false,
    ),
  );
  rig.start(
    ...([short, env, ...variables] as const),
    ...["ovs-vswitchd", `unix:${socket}`, `--unixctl=${join(directory, "vs.ctl")}`, ...quiet],
  );
  await configure("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev");
  return configure;
}
