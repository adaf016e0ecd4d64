// The contract of ports on the drivers of the kernel, AF_PACKET over a veth pair and TAP, and what is theirs alone.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { BIG_BUFFER, HEADROOM, OFFLOAD } from "../../src/engine/frame.ts";
import { Arena, Planner } from "../../src/lib/arena.ts";
import { Interface } from "../../src/ports/linux/interface.ts";
import { PacketPort, planPacket } from "../../src/ports/packet/packet.ts";
import { SMALL_RING } from "../../src/ports/packet/ring.ts";
import { Batch } from "../../src/ports/port.ts";
import { planTap, QUEUE_FRAMES, TapPort } from "../../src/ports/tap.ts";
import { writeSuperFrame } from "../fixtures/super-frame.ts";
import { inNamespace, ip, RawSocket } from "./namespace.ts";
import {
  assertFrames,
  contract,
  type Driver,
  frame,
  planSend,
  type Rig,
  receiveAll,
  send,
} from "./suite.ts";

const OWN = "ll0";
const FAR = "ll1";

function setFlag(name: string, up: boolean): void {
  const link = new Interface(name);
  assert.ok(link.setUp(up));
  link.close();
}

/** Makes the pair anew, both ends up. */
function makePair(mtu = 1500): void {
  ip("link", "add", OWN, "mtu", `${mtu}`, "type", "veth", "peer", "name", FAR, "mtu", `${mtu}`);
  setFlag(FAR, true);
  setFlag(OWN, true);
}

function removePair(): void {
  ip("link", "del", OWN);
}

function startPacket(frames: readonly Uint8Array[], mtu = 1500): Rig {
  makePair(mtu);
  const planner = new Planner();
  const plan = planPacket(planner, 1);
  const room = planSend(planner);
  const arena = Arena.create(planner.size);
  const port = new PacketPort({ driver: "packet", name: "p0", interface: OWN }, arena, plan, 0, 1);
  const far = new RawSocket(FAR);
  const offer = (list: readonly Uint8Array[]): void => {
    for (const bytes of list) far.send(bytes);
  };
  offer(frames);
  return {
    arena,
    port,
    room,
    offer,
    collect: () => far.drain(),
    setLink: (up) => setFlag(FAR, up),
    close() {
      port.close();
      far.close();
      removePair();
    },
  };
}

const packet: Driver = {
  name: "packet",
  ringFrames: SMALL_RING.slots,
  longest: 1514,
  hasLink: true,
  start: startPacket,
};

const tap: Driver = {
  name: "tap",
  // The kernel's default; QUEUE_FRAMES where the port may set it.
  ringFrames: Math.min(1000, QUEUE_FRAMES),
  longest: 1514,
  hasLink: true,
  start(frames): Rig {
    const planner = new Planner();
    const plan = planTap(planner, 1);
    const room = planSend(planner);
    const arena = Arena.create(planner.size);
    const port = new TapPort(
      { driver: "tap", interface: OWN, mac: 0x02000000000a },
      arena,
      plan,
      0,
    );
    const far = new RawSocket(OWN);
    const offer = (list: readonly Uint8Array[]): void => {
      for (const bytes of list) far.send(bytes);
    };
    offer(frames);
    return {
      arena,
      port,
      room,
      offer,
      collect: () => far.drain(),
      setLink: (up) => setFlag(OWN, up),
      close() {
        port.close();
        far.close();
      },
    };
  },
};

function packetAlone(): void {
  test("packet: small and long frames keep their order", () => {
    const list = Array.from({ length: 2000 }, (_, index) =>
      frame(index % 3 === 0 ? 8000 : 60 + (index % 1800), index),
    );
    const rig = startPacket([], 9000);
    try {
      for (let from = 0; from < list.length; from += 50) {
        const some = list.slice(from, from + 50);
        rig.offer?.(some);
        assertFrames(receiveAll(rig, some.length, 16), some);
      }
      assert.equal(rig.port.lost(), 0);
    } finally {
      rig.close();
    }
  });

  test("packet: an interface that is removed and comes back is taken again", () => {
    const rig = startPacket([]);
    let far: RawSocket | undefined;
    try {
      for (let round = 0; round < 3; round++) {
        removePair();
        assert.equal(rig.port.status(0).up, false);
        assertFrames(receiveAll(rig, 1), []);
        assert.equal(send(rig, [frame(60, 1)]), 0);
        makePair();
        assert.equal(rig.port.status(0).up, true);
        far?.close();
        far = new RawSocket(FAR);
        const list = Array.from({ length: 30 }, (_, index) => frame(60 + index, index));
        for (const bytes of list) far.send(bytes);
        assertFrames(receiveAll(rig, list.length), list);
        assert.equal(send(rig, list), list.length);
        assertFrames(far.drain(), list);
      }
    } finally {
      far?.close();
      rig.close();
    }
  });

  test("packet: its own interface going down and up is noticed", () => {
    const rig = startPacket([]);
    try {
      setFlag(OWN, false);
      assert.equal(rig.port.status(0).up, false);
      assert.equal(send(rig, [frame(60, 1)]), 0);
      setFlag(OWN, true);
      assert.equal(rig.port.status(0).up, true);
      const list = [frame(60, 1), frame(1900, 2).slice(0, 1500), frame(61, 3)];
      rig.offer?.(list);
      assertFrames(receiveAll(rig, 3), list);
    } finally {
      rig.close();
    }
  });

  test("packet: the rings are given back", () => {
    const maps = (): number => readFileSync("/proc/self/maps", "latin1").split("socket:").length;
    const before = maps();
    const rig = startPacket([]);
    assert.ok(maps() > before);
    rig.close();
    assert.equal(maps(), before);
  });

  test("packet: super-frames and open checksums pass whole, tagged or not", () => {
    makePair();
    const planner = new Planner();
    const plans = [planPacket(planner, 1), planPacket(planner, 1)] as const;
    const room = planner.reserve(BIG_BUFFER, 4096) + HEADROOM;
    const arena = Arena.create(planner.size);
    const open = (name: string, plan: (typeof plans)[number]): PacketPort =>
      new PacketPort({ driver: "packet", interface: name }, arena, plan, 0, 1);
    const own = open(OWN, plans[0]);
    const far = open(FAR, plans[1]);
    const batch = new Batch(1);
    try {
      for (const tag of [[], [0x81, 0, 0, 10]]) {
        for (const [payload, size] of [
          [600, 0],
          [1000, 500],
          [60000, 1448],
        ] as const) {
          const end = writeSuperFrame(arena.view, room, payload, size, tag);
          const whole = arena.u8.slice(room - OFFLOAD, end);
          batch.start[0] = room;
          batch.end[0] = end;
          batch.count = 1;
          assert.equal(own.send(batch), 1);
          far.receive(batch);
          assert.equal(batch.count, 1, `${payload} bytes`);
          const start = batch.start[0] as number;
          const got = arena.u8.slice(start - OFFLOAD, batch.end[0] as number);
          far.release();
          // hdr_len is a hint, and the kernel's own: how much of the frame it holds in one piece.
          for (const bytes of [got, whole]) bytes.fill(0, 2, 4);
          assertFrames([got], [whole]);
        }
      }
    } finally {
      own.close();
      far.close();
      removePair();
    }
  });

  test("packet: refusals say the call, the errno and the remedy", () => {
    const open = (name: string, force = false): PacketPort => {
      const planner = new Planner();
      const plan = planPacket(planner, 1);
      const arena = Arena.create(planner.size);
      const config = { driver: "packet", name: "p0", interface: name, force } as const;
      return new PacketPort(config, arena, plan, 0, 1);
    };
    assert.throws(() => open("missing"), {
      message:
        'Cannot open port "p0" on "missing": ENODEV from ioctl(SIOCGIFINDEX): the interface does not exist here: see ip link',
    });
    assert.throws(() => open("lo"), /it is no Ethernet interface/);
    makePair();
    ip("addr", "add", "192.0.2.1/24", "dev", OWN);
    assert.throws(() => open(OWN), /the kernel has addresses there and answers too: remove them/);
    open(OWN, true).close();
    removePair();
  });
}

inNamespace(fileURLToPath(import.meta.url), () => {
  contract(packet);
  packetAlone();
  contract(tap);
});
