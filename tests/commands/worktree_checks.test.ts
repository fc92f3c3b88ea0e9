import { test } from "node:test";
import assert from "node:assert/strict";
import { checkWorktrees } from "../../src/commands/worktree_checks.ts";
import { errors } from "../../src/errors.ts";
import type { Inspection, Stray } from "../../src/workspace/mod.ts";
import { BASE, fakeHold, makeStage, REF, SESSION } from "../support/fakes.ts";

const worktree = { path: "/w/x", branch: "kugetsu/x", from: "0123", repository: "/repository" };
const HALF: Stray = { kind: "half-made", path: "/w/y", ref: REF, worktree };

function stageWith(
  strays: Stray[],
  { busy = false, cleared = true, kind = "present" as Inspection["kind"] } = {},
) {
  return makeStage((did) => ({
    store: {
      list: () =>
        Promise.resolve({
          base: BASE,
          sessions: [{ key: "a.b/c/d#1", record: { ...SESSION, worktree } }],
        }),
      claim: () =>
        busy
          ? Promise.reject(errors.turnRunning(REF, "pid 7"))
          : Promise.resolve(fakeHold(did, undefined)),
    },
    workspace: {
      strays: () => Promise.resolve(strays),
      clearStray({ kind }) {
        did(`clear ${kind}`);
        return Promise.resolve(cleared);
      },
      standing: () => Promise.resolve({ kind, why: "gone away", remedy: "put it back" }),
    },
  }));
}

test("a stray is told, and cleared with --fix while its issue is held", async () => {
  const look = stageWith([HALF]);
  const [line] = await checkWorktrees(look.context, false);
  assert.deepEqual([line?.ok, line?.next], [false, "kugetsu doctor --fix"]);
  assert.deepEqual(look.effects, ["release"]);
  const fix = stageWith([HALF]);
  const [fixed] = await checkWorktrees(fix.context, true);
  assert.deepEqual([fixed?.ok, fixed?.repaired], [true, true]);
  assert.deepEqual(fix.effects, ["clear half-made", "release"]);
});

test("a worktree of a start that is under way is none", async () => {
  const { context, effects } = stageWith([HALF], { busy: true });
  assert.deepEqual([await checkWorktrees(context, true), effects], [[], []]);
});

test("what would be lost, or is not ours, stays and harms nothing", async () => {
  const strays: Stray[] = [{ ...HALF, kind: "unclaimed" }, { kind: "unknown", path: "/w/z" }];
  const lines = await checkWorktrees(stageWith(strays, { cleared: false }).context, true);
  assert.deepEqual(lines.map(({ ok, repaired }) => [ok, repaired]), [[true, undefined], [
    true,
    undefined,
  ]]);
});

test("a session's worktree that cannot be used is named with how to keep what is in it", async () => {
  const [line] = await checkWorktrees(stageWith([], { kind: "foreign" }).context, false);
  assert.match(line!.text, /^a\.b\/c\/d#1: .*gone away$/);
  assert.equal(line?.next, undefined);
  assert.match(
    line?.hint ?? "",
    /^put it back; kugetsu destroy "a\.b\/c\/d#1" --discard gives it up$/,
  );
  assert.deepEqual(await checkWorktrees(stageWith([], { kind: "gone" }).context, false), []);
});
