import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Configurations } from "./configurations.ts";
import { loadedOf } from "./configurations-rig.ts";
import { SMALL } from "./example.ts";
import { FakeAppliance } from "./fake-appliance.ts";
import { StoredHistory } from "./history.ts";
import { SavedFile } from "./saved-file.ts";

const folder = mkdtempSync(join(tmpdir(), "linkloom-"));
after(() => rmSync(folder, { recursive: true }));

const FIRST = `# ours, keep\n${SMALL}`;
const OTHER = `# a word of the author\n${SMALL.replace("access-vlan: 10", "access-vlan: 20")}`;
let made = 0;

interface Rig {
  readonly path: string;
  readonly keeper: Configurations;
  readonly appliance: FakeAppliance;
  text(): string;
}

function rig(): Rig {
  const home = join(folder, String(made++));
  mkdirSync(home);
  const path = join(home, "linkloom.yaml");
  writeFileSync(path, FIRST, { mode: 0o640 });
  const appliance = new FakeAppliance(FIRST);
  const keeper = new Configurations(
    {
      appliance,
      load: (request) =>
        Promise.resolve(
          loadedOf(request.text ?? readFileSync(request.file, "utf8"), request.before),
        ),
      history: new StoredHistory(null, () => {}),
      cores: undefined,
      file: new SavedFile(path, FIRST),
      activeRouters: () => Promise.resolve(new Set<string>()),
      tell: () => {},
    },
    loadedOf(FIRST),
  );
  return { path, keeper, appliance, text: () => readFileSync(path, "utf8") };
}

test("OPS-1 what is applied is not in the file until it is saved, and that is said", async () => {
  const { keeper, path, text } = rig();
  assert.equal(keeper.fileState()?.state, "same");

  const done = await keeper.apply({ text: OTHER }, "test");

  assert.equal(done.saved, false);
  assert.match(done.file, /does not say what runs: .*; linkloom save writes it$/);
  assert.equal(text(), FIRST);
  assert.equal(keeper.fileState()?.state, "unsaved");
  assert.match((await keeper.plan({ text: OTHER })).file, new RegExp(`^${path} does not say`));

  assert.equal((await keeper.save()).count, 1);

  assert.equal(text(), OTHER, "with the comments of its author");
  assert.equal(keeper.fileState()?.state, "same");
  assert.equal((await keeper.save()).count, 0);
});

test("OPS-1 apply with save writes the file at once, its mode kept and nothing left beside it", async () => {
  const { keeper, path, text } = rig();

  const done = await keeper.apply({ text: OTHER }, "test", { save: true });

  assert.equal(done.saved, true);
  assert.equal(text(), OTHER);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(join(path, "..")), ["linkloom.yaml"]);
});

test("OPS-1 a file behind a link stays behind it", async () => {
  const { keeper, path } = rig();
  const real = join(path, "..", "real.yaml");
  renameSync(path, real);
  symlinkSync(real, path);
  const linked = new SavedFile(path, FIRST);
  linked.save(OTHER);
  assert.equal(readFileSync(real, "utf8"), OTHER);
  assert.equal(keeper.configuration.cores.count, 2);
});

test("OPS-1 with a confirmation awaited the file is written when it comes, and never without", async () => {
  const { keeper, text } = rig();
  await keeper.apply({ text: OTHER }, "test", { confirm: 60_000, save: true });
  assert.equal(text(), FIRST);
  await assert.rejects(keeper.save(), { code: "change-pending" });

  const { detail } = await keeper.confirm();

  assert.match(detail, /stays, and .* says it now/);
  assert.equal(text(), OTHER);

  const second = rig();
  await second.keeper.apply({ text: OTHER }, "test", { confirm: 1000, save: true });
  for (let n = 0; n < 100 && second.keeper.isPending; n++) await delay(50);
  assert.equal(second.text(), FIRST);
  assert.equal(second.keeper.fileState()?.state, "same");
});

test("OPS-1 a file that somebody changed meanwhile is not written over, and nothing is applied", async () => {
  const { keeper, path, text, appliance } = rig();
  const before = appliance.config;
  writeFileSync(path, `${FIRST}# somebody else\n`);

  await assert.rejects(keeper.apply({ text: OTHER }, "test", { save: true }), {
    code: "file-changed",
  });
  await assert.rejects(keeper.save(), { code: "file-changed" });

  assert.equal(appliance.config, before);
  assert.equal(text(), `${FIRST}# somebody else\n`);
  assert.equal(keeper.fileState()?.state, "changed");

  await keeper.apply({ file: path }, "SIGHUP");

  assert.equal(keeper.fileState()?.state, "same");
  assert.equal((await keeper.apply({ text: OTHER }, "test", { save: true })).saved, true);
});

test("OPS-1 a file that is gone is not made anew by surprise", async () => {
  const { keeper, path } = rig();
  rmSync(path);
  assert.equal(keeper.fileState()?.state, "gone");
  await assert.rejects(keeper.save(), { code: "file-changed" });
  assert.ok(!existsSync(path));
});

test("OPS-1 a file that cannot be written undoes the whole step", async (context) => {
  if (process.getuid?.() === 0) return context.skip("root may write everywhere");
  const { keeper, path, text, appliance } = rig();
  const home = join(path, "..");
  chmodSync(home, 0o500);
  const before = JSON.stringify(appliance.config);

  await assert.rejects(keeper.apply({ text: OTHER }, "test", { save: true }), {
    code: "not-permitted",
  });

  chmodSync(home, 0o700);
  assert.equal(JSON.stringify(appliance.config), before);
  assert.equal(text(), FIRST);
  assert.equal(keeper.history().length, 1);
});

test("OPS-1 a follower that cannot follow leaves the cores as they were, and one that can is told", async () => {
  const { keeper, appliance } = rig();
  const before = appliance.config;
  const followed: string[] = [];
  let refuses = true;
  const follower = {
    prepare: () => {
      if (refuses) return Promise.reject(new Error("no room"));
      followed.push("prepare");
      const note = (what: string) => () => {
        followed.push(what);
        return Promise.resolve();
      };
      return Promise.resolve({ commit: note("commit"), undo: note("undo") });
    },
  };
  const following = new Configurations(
    {
      appliance,
      load: (request) => Promise.resolve(loadedOf(request.text ?? "", request.before)),
      history: new StoredHistory(null, () => {}),
      cores: undefined,
      followers: [follower],
      activeRouters: () => Promise.resolve(new Set<string>()),
      tell: () => {},
    },
    loadedOf(FIRST),
  );
  assert.equal(keeper.isPending, false);

  await assert.rejects(following.apply({ text: OTHER }, "test"), /no room/);
  assert.equal(appliance.config, before);

  refuses = false;
  await following.apply({ text: OTHER }, "test");
  assert.deepEqual(followed, ["prepare", "commit"]);

  appliance.reconfigure = () => Promise.reject(new Error("core 1"));
  await assert.rejects(following.apply({ text: FIRST }, "test"), /core 1/);
  assert.deepEqual(followed, ["prepare", "commit", "prepare", "undo"]);
});
