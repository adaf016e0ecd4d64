// Every phase of a core and everything that may happen in it: the table is the test. Then any order of happenings,
// plausible or late: when they have stopped, a core that shall serve does, and never two threads play one core.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeSupervisionRig, type SupervisionRig } from "../sim/supervision-rig.ts";
import { CoreState, Presence, presenceWord } from "./layout.ts";
import { Phase } from "./supervised.ts";
import { SUPERVISION_DEFAULTS } from "./supervision-config.ts";

/** The core that things happen to; the others serve. */
const CORE = 1;
const LIMITS = { failureTimeout: 300, startTimeout: 2000, restartDelay: 100, maxRestarts: 1000 };
/** Longer than everything that a phase waits for. */
const LONG = 12_000;

/** Where a core may be: the phases, and Ending by death and by order, for they differ. */
const PLACES = [
  "Starting",
  "Joining",
  "Online",
  "Leaving",
  "Dying",
  "Ending",
  "Waiting",
  "Offline",
] as const;
type Place = (typeof PLACES)[number];

const EVENTS = [
  "started",
  "synced",
  "failed",
  "ended",
  "silent",
  "idle",
  "setOffline",
  "setOnline",
] as const;
type Event = (typeof EVENTS)[number];

/** A rig, and the thread of the one core. */
class Play {
  readonly rig: SupervisionRig;
  /** It has a thread; one that hangs does nothing but end when it is ended by force. */
  thread = true;
  hangs = false;
  #starts = 0;
  #ends = 0;
  /** It has not said yet that it runs. */
  #isNew = false;
  /** It was ended by force, but nobody has heard yet that it is gone. */
  #isDoomed = false;

  constructor(limits: Partial<typeof LIMITS> = {}) {
    this.rig = makeSupervisionRig(3, { ...LIMITS, ...limits });
    this.rig.run(50);
  }

  phase(): Phase {
    return this.rig.supervision.phase(CORE);
  }

  /** Takes the orders since the last look: a thread that was started exists, one that is to end will. */
  orders(): void {
    const { started, ended } = this.rig;
    assert.ok(started.length <= this.#starts + 1, "started once");
    if (started.length > this.#starts) {
      assert.ok(!this.thread, "a second thread for one core");
      this.thread = true;
      this.hangs = false;
      this.#isNew = true;
      this.#isDoomed = false;
    }
    if (ended.length > this.#ends) this.#isDoomed = true;
    this.#starts = started.length;
    this.#ends = ended.length;
  }

  /** The thread does what it is told, for a while. */
  live(millis: number): void {
    const { rig } = this;
    for (const until = rig.now + millis; rig.now < until; ) {
      rig.run(10);
      this.orders();
      if (!this.thread) continue;
      const leaves = rig.arena.i32[presenceWord(rig.layout, CORE) + Presence.Leave] === 1;
      if (this.#isDoomed || (leaves && !this.hangs)) this.event("ended");
      else if (this.#isNew && !this.hangs) {
        this.event("started");
        this.event("synced");
      }
    }
  }

  event(event: Event): void {
    const { rig } = this;
    const { supervision, now } = rig;
    if (event === "started") {
      if (this.thread && !this.hangs) rig.lively.add(CORE);
      this.#isNew = false;
      supervision.started(CORE, now);
    } else if (event === "synced") {
      rig.arena.i32[presenceWord(rig.layout, CORE) + Presence.State] = CoreState.Online;
      rig.run(10);
    } else if (event === "failed") supervision.failed(CORE, now);
    else if (event === "ended") {
      this.thread = false;
      rig.lively.delete(CORE);
      supervision.ended(CORE, now);
    } else if (event === "silent") {
      this.hangs = true;
      rig.lively.delete(CORE);
      rig.run(400);
    } else if (event === "idle") rig.run(LONG);
    else if (event === "setOffline") supervision.setOffline(CORE, now);
    else supervision.setOnline(CORE, now);
  }

  /** Leads the core to a phase. */
  to(place: Place): void {
    const { rig } = this;
    if (place === "Online") return;
    if (place === "Leaving" || place === "Ending") {
      this.event("setOffline");
      if (place === "Ending") while (this.phase() === Phase.Leaving) rig.run(10);
    } else if (place === "Offline") {
      this.event("setOffline");
      this.live(3000);
    } else {
      this.event("failed");
      rig.lively.delete(CORE);
      if (place === "Dying") return;
      this.orders();
      this.event("ended");
      if (place === "Waiting") {
        rig.run(1000, 1000);
        // The second death within the window: the restart waits.
        while (this.phase() !== Phase.Starting) rig.run(10);
        this.orders();
        this.event("ended");
        while (this.phase() === Phase.Ending) rig.run(10);
        return;
      }
      while (this.phase() !== Phase.Starting) rig.run(10);
      this.orders();
      if (place === "Joining") this.event("started");
    }
  }
}

const { Starting, Joining, Online, Leaving, Ending, Waiting, Offline } = Phase;
const PHASE_OF: Record<Place, Phase> = { ...Phase, Dying: Ending };

/**
 * The phase after an event. "synced" has 10 ms; "silent" is 400 ms without a sign, "idle" is 12 s in which the thread
 * beats, but nothing else comes of it.
 */
const TABLE: Record<Place, Record<Event, Phase>> = {
  Starting: {
    started: Joining,
    synced: Starting, // Not before it has said that it runs.
    failed: Ending,
    ended: Ending,
    silent: Starting, // It opens its ports; the limit of the start is for that.
    idle: Ending,
    setOffline: Starting, // It leaves as soon as it serves.
    setOnline: Starting,
  },
  Joining: {
    started: Joining,
    synced: Online,
    failed: Ending,
    ended: Ending,
    silent: Ending,
    idle: Ending,
    setOffline: Joining,
    setOnline: Joining,
  },
  Online: {
    started: Online,
    synced: Online,
    failed: Ending,
    ended: Ending,
    silent: Ending,
    idle: Online,
    setOffline: Leaving,
    setOnline: Online,
  },
  Leaving: {
    started: Leaving,
    synced: Leaving,
    failed: Ending,
    ended: Ending,
    silent: Ending,
    idle: Ending, // All buckets have moved; it is told to end.
    setOffline: Leaving,
    setOnline: Online,
  },
  Dying: {
    started: Ending,
    synced: Ending,
    failed: Ending,
    ended: Ending, // Until the next look.
    silent: Ending,
    idle: Ending,
    setOffline: Ending,
    setOnline: Ending,
  },
  Ending: {
    started: Ending,
    synced: Ending,
    failed: Ending,
    ended: Ending,
    silent: Ending,
    idle: Ending,
    setOffline: Ending,
    setOnline: Ending,
  },
  Waiting: {
    started: Waiting,
    synced: Waiting,
    failed: Waiting,
    ended: Waiting,
    silent: Starting, // Its time has come.
    idle: Ending, // And it was too late then.
    setOffline: Waiting,
    setOnline: Waiting,
  },
  Offline: {
    started: Offline,
    synced: Offline,
    failed: Offline,
    ended: Offline,
    silent: Offline,
    idle: Offline,
    setOffline: Offline,
    setOnline: Waiting,
  },
};

/** Everything is mended: what shall serve does, within a time that has a bound. */
function mended(play: Play, shallServe: boolean, what: string): void {
  play.live(2 * LONG);
  const phase = play.phase();
  if (shallServe) {
    assert.equal(phase, Online, `${what}: online in the end`);
    assert.ok(play.thread, `${what}: it has a thread`);
    assert.ok(play.rig.supervision.isQuiet, `${what}: nothing more to do`);
    const owned = play.rig.supervision.membership.buckets(128).filter((one) => one === CORE);
    assert.ok(owned.length >= 42, `${what}: it has its share of the buckets, not ${owned.length}`);
  } else {
    assert.equal(phase, Offline, `${what}: out of service in the end`);
    assert.ok(!play.thread, `${what}: it has no thread`);
  }
}

const ORDERED_OUT: readonly Place[] = ["Leaving", "Ending", "Offline"];

for (const place of PLACES) {
  test(`CORE-9 phase ${place}: every event leads where the table says, and nobody is left out`, () => {
    for (const event of EVENTS) {
      const play = new Play();
      play.to(place);
      assert.equal(play.phase(), PHASE_OF[place]);
      // A word that the phase before left behind says nothing.
      play.event(event);
      const what = `${event} in ${place}`;
      assert.equal(play.phase(), TABLE[place][event], what);
      const isOut = ORDERED_OUT.includes(place) ? event !== "setOnline" : event === "setOffline";
      mended(play, !isOut, what);
    }
  });
}

test("CORE-9 a core that hangs between the order to leave and its end is ended by force, and comes back", () => {
  const play = new Play();
  play.to("Ending");
  play.event("silent");
  assert.deepEqual(play.rig.ended, [CORE]);
  play.event("ended");
  play.rig.run(50);
  assert.equal(play.phase(), Offline);
  play.event("setOnline");
  mended(play, true, "set online again");
});

test("CORE-9 a core that beats but does not end when told to is ended by force after five seconds, again and again", () => {
  const play = new Play();
  play.to("Ending");
  const { rig } = play;
  rig.run(4900);
  assert.deepEqual(rig.ended, []);
  rig.run(200);
  assert.deepEqual(rig.ended, [CORE]);
  rig.run(5000);
  assert.deepEqual(rig.ended, [CORE, CORE]);
});

test("CORE-9 a core that dies while others are out of service is not the one that nobody stands in for", () => {
  const rig = makeSupervisionRig(2, LIMITS);
  rig.run(50);
  rig.supervision.failed(0, rig.now);
  rig.supervision.ended(0, rig.now);
  assert.match(rig.supervision.setOffline(1, rig.now), /last core/);
  rig.run(20);
  assert.deepEqual(rig.started, [0], "it comes back");
  rig.supervision.failed(1, rig.now);
  rig.supervision.ended(1, rig.now);
  assert.equal(rig.supervision.setOffline(1, rig.now), "", "the other is on its way");
  assert.match(rig.supervision.setOffline(0, rig.now), /last core/);
});

test("CORE-9 in whatever order things happen, a core that shall serve does when they have stopped", () => {
  const plausible = (play: Play, event: Event): boolean => {
    if (event === "ended" || event === "synced" || event === "silent") return play.thread;
    return true;
  };
  const steps = fc.array(fc.tuple(fc.constantFrom(...EVENTS), fc.constantFrom(0, 0, 20, 300)), {
    minLength: 6,
    maxLength: 24,
  });
  fc.assert(
    fc.property(steps, (list) => {
      const play = new Play({ maxRestarts: SUPERVISION_DEFAULTS.maxRestarts });
      let wanted = true;
      for (const [event, wait] of list) {
        if (!plausible(play, event)) continue;
        play.event(event);
        if (event === "setOffline") wanted = false;
        if (event === "setOnline") wanted = true;
        // Between two happenings the thread does what it was told, or not yet.
        if (wait > 0) play.live(wait);
        else play.orders();
      }
      play.orders();
      if (wanted) play.event("setOnline");
      mended(play, wanted, list.map(([event, wait]) => `${event}+${wait}`).join(" "));
    }),
    { numRuns: 200 },
  );
});
