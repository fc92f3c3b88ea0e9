import { describe, test } from "node:test";
import assert from "node:assert/strict";
import {
  placeAgain,
  placeOf,
  type PlaceOptions,
  setUpPlace,
  undoPlace,
} from "../../src/commands/place.ts";
import { errors, KugetsuError } from "../../src/errors.ts";
import type { MadeSession } from "../../src/session/record.ts";
import { parseRef } from "../../src/session/ref.ts";
import type { MadeWorktree, WorktreePlan } from "../../src/workspace/mod.ts";
import { anyFolder, BASE, makeStage, type Parts, REF, SETTINGS } from "../support/fakes.ts";

const WORKTREE = {
  path: "/state/worktrees/github.com-shoko-kugetsu-14",
  branch: "kugetsu/github.com-shoko-kugetsu-14",
  from: "0123abc",
  repository: "/repository",
};
const MADE: MadeWorktree = {
  worktree: WORKTREE,
  directory: `${WORKTREE.path}/web`,
  isNew: true,
  earlierCommits: 0,
  missing: [],
};

const PLAN: WorktreePlan = {
  ref: REF,
  slug: "github.com-shoko-kugetsu-14",
  folder: "/repository",
  id: "t1",
  copy: [],
  setupSeconds: 600,
};

const OPTIONS: PlaceOptions = {
  ...SETTINGS.worktree,
  demanded: false,
  from: undefined,
  runner: "server",
  turn: "t1",
};

/** A stage on which worktrees can be made, by a runner that can move a fork unless it is said that it cannot. */
function stageWith(
  { movesForks = true, head = "0123abc", made = MADE } = {},
) {
  const plans: WorktreePlan[] = [];
  const stage = makeStage((did) => ({
    runner: { movesForks },
    workspace: {
      ...anyFolder(did),
      head: () => Promise.resolve(head || undefined),
      makeWorktree(plan) {
        plans.push(plan);
        return Promise.resolve(made);
      },
    },
  }));
  const place = (options: Partial<PlaceOptions> = {}, base: Partial<MadeSession> = {}) => {
    return placeOf(stage.context, { ...BASE, branch: "main", ...base }, parseRef(REF), {
      ...OPTIONS,
      ...options,
    });
  };
  return { ...stage, plans, place };
}

const hasCode = (code: string) => (error: unknown) =>
  error instanceof KugetsuError && error.code === code && error.exit === 2;

describe("the place of a new issue", () => {
  test("is the base's folder when it is shared, and git and runner are not asked", async () => {
    const { context, effects } = makeStage((did) => ({
      workspace: { folder: anyFolder(did).folder! },
    }));
    const place = await placeOf(context, BASE, parseRef(REF), OPTIONS);
    assert.deepEqual(place, { directory: "/repository" });
    assert.deepEqual(effects, ["folder /repository"]);
  });

  test("is a worktree of its own otherwise, made by the settings from the base's branch", async () => {
    const { place, plans } = stageWith();
    const made = await place({ mode: "own", copy: [".env"], setup: "npm ci" });
    assert.deepEqual([made.directory, made.worktree], [MADE.directory, WORKTREE]);
    assert.deepEqual(made.planned, { plan: plans[0], made: MADE });
    const { slug, ref, folder, branch, copy, setup, id } = plans[0]!;
    assert.deepEqual([slug, ref, folder], ["github.com-shoko-kugetsu-14", REF, "/repository"]);
    assert.deepEqual([branch, copy, setup, id], ["main", [".env"], "npm ci", "t1"]);
  });

  test("is the shared folder where there is no repository, unless a worktree was demanded", async () => {
    const { place, plans } = stageWith({ head: "" });
    assert.deepEqual(await place({ mode: "own" }), { directory: "/repository" });
    await place({ mode: "own", demanded: true });
    assert.equal(plans.length, 1);
  });

  test("is not the shared folder where the repository of its base is gone", async () => {
    const { place, plans } = stageWith({ head: "" });
    await place({ mode: "own" }, { commit: "0123abc" });
    assert.deepEqual(plans.map((it) => it.commit), ["0123abc"]);
  });

  test("is the shared folder with a runner that cannot move a fork; a demanded worktree is then bad usage", async () => {
    const { place } = stageWith({ movesForks: false });
    assert.deepEqual(await place({ mode: "own" }), { directory: "/repository" });
    await assert.rejects(place({ mode: "own", demanded: true }), hasCode("worktree-impossible"));
    await assert.rejects(place({ mode: "own", from: "v1" }), hasCode("worktree-impossible"));
    await assert.rejects(place({ from: "v1" }), hasCode("usage"));
  });

  test("that lacks files which it should get is told of", async () => {
    const { place, stderr } = stageWith({ made: { ...MADE, missing: [".env", "a b"] } });
    await place({ mode: "own" });
    assert.deepEqual(stderr, [
      `warn worktree.copy names what is not in /repository: ".env", "a b"`,
    ]);
  });

  test("that has commits of an earlier life is told of", async () => {
    const { place, stderr } = stageWith({ made: { ...MADE, earlierCommits: 2 } });
    await place({ mode: "own" });
    assert.match(
      stderr[0]!,
      /^note kugetsu\/.* has 2 commits of an earlier life; going on with it\.$/,
    );
  });
});

describe("taking a place back", () => {
  const undo = async (workspace: Parts["workspace"], made?: MadeWorktree, isLeft = false) => {
    const { context, stderr } = makeStage(() => ({ ...(workspace ? { workspace } : {}) }));
    const planned = made && { plan: PLAN, made };
    await undoPlace(context, { directory: "/x", worktree: made?.worktree, planned, isLeft });
    return stderr;
  };

  test("does nothing in a shared folder, and undoes a worktree", async () => {
    assert.deepEqual(await undo(undefined), []);
    const undone: MadeWorktree[] = [];
    await undo({ undoWorktree: (it) => Promise.resolve(void undone.push(it)) }, MADE);
    assert.deepEqual(undone, [MADE]);
  });

  test("clears what a start without a session has left, and nothing else that was there before", async () => {
    const cleared: string[] = [];
    const clearStray = ({ path }: { path: string }) => Promise.resolve(cleared.push(path) > 0);
    const old = { ...MADE, isNew: false };
    await undo({ clearStray }, old);
    assert.deepEqual(cleared, []);
    await undo({ clearStray }, old, true);
    assert.deepEqual(cleared, [MADE.worktree.path]);
  });

  test("only tells of a failure, for the error that it is taken back for matters more", async () => {
    const failing = () => Promise.reject(errors.gitFailed("remove it", "no"));
    assert.match((await undo({ undoWorktree: failing }, MADE))[0]!, /^warn Cannot remove it/);
  });
});

test("only a place that was made now is set up, by its plan, until the turn is stopped", async () => {
  const calls: unknown[] = [];
  const { context } = makeStage(() => ({
    workspace: { setUpWorktree: (...call) => Promise.resolve(void calls.push(call)) },
  }));
  const { signal } = new AbortController();
  await setUpPlace(context, { directory: "/x", worktree: WORKTREE }, signal);
  assert.deepEqual(calls, []);
  const planned = { plan: PLAN, made: MADE };
  await setUpPlace(context, { directory: "/x", planned }, signal);
  assert.deepEqual(calls, [[planned, signal]]);
});

test("a worktree that somebody took away is made again in the same place, and one that is there is not", async () => {
  const again = async (isGone: boolean) => {
    const plans: WorktreePlan[] = [];
    const { context } = makeStage(() => ({
      workspace: {
        isGone: () => Promise.resolve(isGone),
        makeWorktree(plan) {
          plans.push(plan);
          return Promise.resolve(MADE);
        },
      },
    }));
    const before = { directory: MADE.directory, worktree: WORKTREE };
    const options = { ...SETTINGS.worktree, turn: "t2" };
    const { planned, ...place } = await placeAgain(context, parseRef(REF), before, options);
    assert.deepEqual(place, before);
    assert.equal(planned?.plan, plans[0], "it is set up as a new one is");
    return plans;
  };
  assert.deepEqual(await again(false), []);
  const [plan] = await again(true);
  assert.deepEqual([plan?.folder, plan?.commit], ["/repository/web", WORKTREE.from]);
});
