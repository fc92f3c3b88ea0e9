/** Power cuts on a real ext4: what was acknowledged is on the disk, and every file is old or new, never half. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type FragileDisk, makeFragileDisk } from "../support/disk.ts";
import { figures } from "../support/figures.ts";
import { Moments } from "../support/moments.ts";
import { needs } from "../support/needs.ts";
import { assertRepairs, assertWhole, type Operation, Promises } from "../support/promises.ts";
import { rounds } from "../support/rounds.ts";
import { makeScratch } from "../support/scratch.ts";
import {
  BASE_SESSION,
  indexOf,
  killBackground,
  makeStateFolder,
  type StateFolder,
} from "../support/state_folder.ts";

const MISSING = needs("loop", "mkfs.ext4", "python3");
const OTHER_BASE = "ses_other";
const ISSUES = Array.from({ length: 6 }, (_, i) => `github.com/shoko/kugetsu#${i + 1}`);

test("a power cut loses what was not flushed", { skip: MISSING }, async () => {
  // Otherwise the next test would prove nothing.
  await using scratch = await makeScratch("power");
  await using disk = await makeFragileDisk(scratch);
  const path = join(disk.path, "file");
  const cutPower = await disk.arm();
  await writeFile(path, "not flushed");
  await cutPower();
  await disk.reboot();
  assert.notEqual(await readFile(path, "utf8").catch(() => ""), "not flushed");
});

test("a power cut loses nothing that was acknowledged", { skip: MISSING }, async () => {
  await using scratch = await makeScratch("power");
  await using disk = await makeFragileDisk(scratch);
  await using lab = await makeStateFolder({ state: join(disk.path, "state") });
  await lab.standIn.addSession(OTHER_BASE, lab.scratch.path);
  const promises = new Promises(BASE_SESSION);
  // What the test wrote itself was never flushed: the base is put there once more, by kugetsu.
  assert.equal((await lab.kugetsu(["init", "--force", "--session", BASE_SESSION])).code, 0);
  const moments = new Moments(800);
  const counts = { cuts: 0, kept: 0, "cut off": 0, repairs: 0 };
  for (; counts.cuts < rounds(8, 100); counts.cuts++) {
    const looks = await workUntilCut(lab, disk, promises, moments);
    await killBackground(lab);
    moments.learn(looks.filter((it) => !it).length, looks.length);
    await disk.reboot();
    await assertWhole(lab.state);
    for (const look of looks) {
      counts[look ? "kept" : "cut off"]++;
      await look?.();
    }
    const { checks } = await assertRepairs(lab);
    counts.repairs += checks.filter((check) => check.repaired).length;
    await promises.check(lab.state);
  }
  figures("power cuts", counts);
  assert.ok(counts.kept > 0, "no command was quick enough");
  assert.ok(counts["cut off"] > 0, "nothing was cut off");
});

/** Looks for what a command that ended with 0 must have left on the disk, with no repair in between. */
type Look = () => Promise<void>;

/** Some commands at once, and a cut in the midst of them. Those that were cut off have nothing to look for. */
async function workUntilCut(
  lab: StateFolder,
  disk: FragileDisk,
  promises: Promises,
  moments: Moments,
): Promise<(Look | undefined)[]> {
  const cutPower = await disk.arm();
  const refs = [...ISSUES].sort(() => Math.random() - 0.5).slice(0, 3);
  const commands = refs.map((ref) => work(lab, promises, ref));
  if (Math.random() < 0.3) commands.push(changeBase(lab, promises));
  await moments.next();
  await cutPower();
  return await Promise.all(commands);
}

async function work(
  lab: StateFolder,
  promises: Promises,
  ref: string,
): Promise<Look | undefined> {
  const goesOn = Math.random() < 0.5;
  const operation: Operation = !promises.has(ref) ? "start" : goesOn ? "continue" : "destroy";
  const more = { start: ["do it"], continue: [], destroy: ["-y", "--keep-session"] }[operation];
  const { code, stdout } = await lab.kugetsu([operation, ref, ...more, "--json"]);
  if (code !== 0) return void promises.open(ref, operation);
  promises.kept(ref, operation, JSON.parse(stdout).opencode_session_id);
  return async () => {
    const file = (await indexOf(lab.state)).issues[ref];
    if (operation === "destroy") return assert.equal(file, undefined, `${ref} is back`);
    const record = await readFile(join(lab.state, "sessions", file!), "utf8");
    assert.equal(JSON.parse(record).state, "idle", `the end of ${operation} ${ref} is lost`);
  };
}

async function changeBase(lab: StateFolder, promises: Promises): Promise<Look | undefined> {
  const session = Math.random() < 0.5 ? BASE_SESSION : OTHER_BASE;
  const { code } = await lab.kugetsu(["init", "--force", "--session", session]);
  if (code !== 0) return void promises.baseOpen(session);
  promises.baseKept(session);
  return async () => assert.equal((await indexOf(lab.state)).base, session);
}
