/** A disk with less and less room: a command works, or fails with the path named, and never leaves half a file. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { RunResult } from "../../scripts/_run.ts";
import { makeSmallDisk, type SmallDisk } from "../support/disk.ts";
import { figures } from "../support/figures.ts";
import { needs } from "../support/needs.ts";
import { assertRepairs, assertWhole, Promises } from "../support/promises.ts";
import { rounds } from "../support/rounds.ts";
import { makeScratch } from "../support/scratch.ts";
import {
  BASE_SESSION,
  indexOf,
  makeStateFolder,
  type StateFolder,
} from "../support/state_folder.ts";

const REF = "github.com/shoko/kugetsu#14";
/** Enough to make an index of several pages, so that a write of it can come to an end in the middle. */
const OTHERS = 200;
/** Enough for the index and some session files, with which every command works. */
const MOST_KIB = 56;
const STEP_KIB = rounds(5, 1);

test("a disk that is nearly full", { skip: needs("tmpfs") }, async () => {
  await using scratch = await makeScratch("full");
  await using disk = await makeSmallDisk(scratch, 4096);
  await using lab = await makeStateFolder({ state: join(disk.path, "state") });
  const stage: Stage = { disk, lab, promises: await fill(lab) };
  const counts = { steps: 0, "starts failed": 0, "destroys failed": 0, "settings failed": 0 };
  for (let left = 0; left <= MOST_KIB; left += STEP_KIB, counts.steps++) {
    counts["starts failed"] += await workWith(left, "start", stage);
    counts["destroys failed"] += await workWith(left, "destroy", stage);
    counts["settings failed"] += await setWith(left, stage);
  }
  figures("nearly full disk", counts);
  // A destroy frees what its issue said before it needs room.
  assert.ok(counts["starts failed"] > 0, JSON.stringify(counts));
  for (const count of Object.values(counts).slice(1)) {
    assert.ok(count < counts.steps, JSON.stringify(counts));
  }
});

interface Stage {
  disk: SmallDisk;
  lab: StateFolder;
  promises: Promises;
}

type Change = "start" | "destroy";

/** Runs the command with so much room left. Returns 1 for a failure, so that they can be counted. */
async function workWith(left: number, change: Change, stage: Stage): Promise<0 | 1> {
  const { disk, lab, promises } = stage;
  await disk.leave(left);
  const result = await work(change, stage);
  // While there is no room, what is there can still be read.
  await assertWhole(lab.state);
  assert.equal((await lab.kugetsu(["list"])).code, 0);
  await disk.leave(Infinity);
  await assertRepairs(lab);
  await promises.check(lab.state);
  // The next step begins with what this one was to bring about.
  const isDone = promises.has(REF) === (change === "start");
  if (!isDone) assert.equal((await work(change, stage)).code, 0);
  return assertTold(result, lab.state);
}

async function work(change: Change, { lab, promises }: Stage): Promise<RunResult> {
  const more = { start: ["do it"], destroy: ["-y", "--keep-session"] }[change];
  const result = await lab.kugetsu([change, REF, ...more, "--json"]);
  if (result.code !== 0) promises.open(REF, change);
  else promises.kept(REF, change, JSON.parse(result.stdout).opencode_session_id);
  return result;
}

async function setWith(left: number, { disk, lab }: Stage): Promise<0 | 1> {
  const path = join(lab.state, "config.jsonc");
  const read = () => readFile(path, "utf8").catch(() => undefined);
  const before = await read();
  await disk.leave(left);
  const result = await lab.kugetsu(["config", "set", "limits.total", `${left + 1}m`]);
  const after = await read();
  await disk.leave(Infinity);
  if (result.code !== 0) assert.equal(after, before);
  else assert.match(after!, new RegExp(`"total": "${left + 1}m"`));
  return assertTold(result, path);
}

/** Sessions as the old tool writes them, and what that promises. */
async function fill(lab: StateFolder): Promise<Promises> {
  const promises = new Promises(BASE_SESSION);
  const index = await indexOf(lab.state);
  for (let i = 1; i <= OTHERS; i++) {
    const [ref, file, session] = [`github.com/a/b#${i}`, `github.com-a-b-${i}.json`, `ses_${i}`];
    const record = {
      type: "forked",
      issue_ref: ref,
      opencode_session_id: session,
      created_at: "2026-03-29T18:16:10+02:00",
      state: "idle",
    };
    await writeFile(join(lab.state, "sessions", file), JSON.stringify(record, null, 2));
    await lab.standIn.addSession(session, lab.scratch.path);
    index.issues[ref] = file;
    promises.kept(ref, "start", session);
  }
  await writeFile(join(lab.state, "index.json"), JSON.stringify(index, null, 2));
  return promises;
}

function assertTold({ code, stderr }: RunResult, path: string): 0 | 1 {
  if (code === 0) return 0;
  assert.equal(code, 5, stderr);
  assert.ok(stderr.includes(path), stderr);
  return 1;
}
