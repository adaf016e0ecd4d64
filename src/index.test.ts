import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Batch, ConfigError, type Linkloom, type MemoryPort, startLinkloom } from "./index.ts";
import * as arp from "./wire/arp.ts";
import { EtherType } from "./wire/ethernet.ts";

const CONFIG = `
cores: {count: 2}
ports: {a: {driver: memory}, b: {driver: memory}}
bridges: {br0: {stp: {protocol: "off"}, channels: {a: {mode: access, access-vlan: 10}, b: {mode: access, access-vlan: 10}}}}
interfaces: {vlan10: {bridge: br0, vlan: 10, addresses: [192.0.2.1/24]}}
`;

/** Frames that an end receives within a second, until `enough` says so. */
async function collect(
  ends: readonly MemoryPort[],
  view: DataView,
  enough: (frame: Uint8Array) => boolean,
): Promise<Uint8Array> {
  const batch = new Batch(16);
  for (let tries = 0; tries < 200; tries++) {
    for (const end of ends) {
      end.receive(batch);
      for (let n = 0; n < batch.count; n++) {
        const frame = new Uint8Array(
          view.buffer.slice(batch.start[n], batch.end[n]) as ArrayBuffer,
        );
        if (enough(frame)) {
          end.release();
          return frame;
        }
      }
      end.release();
    }
    await delay(5);
  }
  throw new Error("the frame did not come");
}

async function withAppliance(body: (appliance: Linkloom) => Promise<void>): Promise<void> {
  const appliance = await startLinkloom(CONFIG);
  try {
    await body(appliance);
  } finally {
    await appliance.stop();
  }
}

test("HOST-1 a program's packet is routed, resolved and sent, and its wait ends with the reply", async () => {
  await withAppliance(async (appliance) => {
    const view = new DataView(appliance.memory);
    const ends = [appliance.attach("a", 0), appliance.attach("a", 1)];

    const status = await appliance.send(
      "192.0.2.10",
      new Uint8Array([0, 1, 0, 2, 0, 12, 0, 0, 97, 98, 99, 100]),
    );

    assert.equal(status, "waiting");
    const type = (frame: Uint8Array): number => ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
    const request = await collect(
      ends,
      view,
      (frame) => type(frame) === EtherType.Arp && frame[41] === 10,
    );
    const asker = new DataView(request.buffer);
    const start = appliance.reserve(2048) + 64;
    const end = arp.writeReply(
      view,
      start,
      0x020000000010,
      0xc000020a,
      arp.senderMac(asker, 14),
      0xc0000201,
    );
    const single = new Batch(1);
    single.start[0] = start;
    single.end[0] = end;
    single.count = 1;
    assert.equal(ends[0]?.send(single), 1);
    const packet = await collect(ends, view, (frame) => type(frame) === EtherType.Ipv4);
    assert.equal(Buffer.from(packet.subarray(-4)).toString(), "abcd");
    assert.equal(Buffer.from(packet.subarray(0, 6)).toString("hex"), "020000000010");
    const rows = await appliance.show("arp");
    const learned = rows.filter(({ address }) => address === "192.0.2.10");
    assert.deepEqual(
      learned.map(({ core, mac, channel }) => [core, mac, channel]),
      [
        [0, "02:00:00:00:00:10", "a"],
        [1, "02:00:00:00:00:10", "a"],
      ],
    );
  });
});

test("HOST-1 an IPv6 packet is routed and waits for its neighbour; the solicitation leaves", async () => {
  const text = CONFIG.replace("[192.0.2.1/24]", '["2001:db8::1/64"]').replace(
    "cores:",
    "neighbours: {nd: {dad-transmits: 0}}\ncores:",
  );
  const appliance = await startLinkloom(text);
  try {
    const view = new DataView(appliance.memory);
    const ends = [appliance.attach("a", 0), appliance.attach("a", 1)];

    const status = await appliance.send("2001:db8::10", new Uint8Array([0, 1, 0, 2, 0, 8, 0, 1]));

    assert.equal(status, "waiting");
    const isSolicitation = (frame: Uint8Array): boolean =>
      Buffer.from(frame.subarray(0, 6)).toString("hex") === "3333ff000010" && frame[54] === 135;
    assert.ok(await collect(ends, view, isSolicitation));
    assert.equal(await appliance.send("2001:db8:ffff::1", new Uint8Array(8)), "no-route");
  } finally {
    await appliance.stop();
  }
});

test("HOST-1 what cannot be sent is told: no route, no address", async () => {
  await withAppliance(async (appliance) => {
    assert.equal(await appliance.send("198.51.100.1", new Uint8Array(8)), "no-route");
    await assert.rejects(appliance.send("nowhere", new Uint8Array(8)), /no IP address/);
    assert.equal(await appliance.ping("192.0.2.77", 50), undefined);
  });
});

test("OPS-1 a reload changes what differs, and a faulty one changes nothing", async () => {
  await withAppliance(async (appliance) => {
    await assert.rejects(appliance.reload("ports: {a: {driver: nonsense}}"), ConfigError);
    assert.equal((await appliance.show("interfaces")).length, 1);

    await appliance.reload(CONFIG.replace("192.0.2.1/24", "198.51.100.1/24"));

    const [row] = await appliance.show("interfaces");
    assert.deepEqual(row?.["addresses"], ["198.51.100.1/24"]);
    assert.equal(await appliance.send("192.0.2.10", new Uint8Array(8)), "no-route");
  });
});
