import assert from "node:assert/strict";
import { test } from "node:test";
import { Channels } from "../engine/channels.ts";
import type { CommonConfig } from "../engine/config.ts";
import { Recorder } from "../sim/recorder.ts";
import { costOf } from "../stp/config.ts";
import { ChannelLinks } from "./channel-links.ts";

/** Port 3 alone, and an aggregate, channel 4, of ports 0 to 2. */
const COMMON: CommonConfig = {
  ports: [0, 1, 2, 3].map((port) => ({ name: `p${port}`, mac: 0, mtu: 1500 })),
  channels: [
    { name: "", ports: [] },
    { name: "", ports: [] },
    { name: "", ports: [] },
    { name: "p3", ports: [3] },
    { name: "LA/1", ports: [0, 1, 2], hash: "l3+l4" },
  ],
  interfaces: [],
};

test("BR-7 an aggregate is told up with its first active member, and its cost follows the members' speeds", () => {
  const channels = new Channels(new Recorder(), COMMON.channels, 4);
  const told: string[] = [];
  const links = new ChannelLinks(COMMON, channels, (channel, up, speed) =>
    told.push(`${channel} ${up ? `up ${speed} cost ${costOf(speed)}` : "down"}`),
  );
  const since = (): string[] => told.splice(0);
  const open = (port: number, yes: boolean): void => {
    channels.setMember(port, yes, yes);
    links.tell(4);
  };
  links.tellAll();
  assert.deepEqual(since(), ["3 up 0 cost 20000"], "what is down from the start is not told");
  for (const port of [0, 1, 2, 3]) links.speedChanged(port, 10_000);
  assert.deepEqual(since(), ["3 up 10000 cost 2000"]);
  open(0, true);
  open(1, true);
  open(1, true);
  assert.deepEqual(since(), ["4 up 10000 cost 2000", "4 up 20000 cost 1000"]);
  links.speedChanged(1, 1000);
  links.speedChanged(1, 1000);
  assert.deepEqual(since(), ["4 up 11000 cost 1818"]);
  open(0, false);
  channels.linkChanged(1, false);
  links.tell(4);
  assert.deepEqual(since(), ["4 up 1000 cost 20000", "4 down"]);

  channels.configure(COMMON.channels, 4);
  links.configure(COMMON);
  links.tellAll();
  assert.deepEqual(since().slice(-2), ["3 up 10000 cost 2000", "4 down"], "after a reload, all");
  links.tell(-1);
  links.tell(99);
  assert.deepEqual(since(), []);
});
