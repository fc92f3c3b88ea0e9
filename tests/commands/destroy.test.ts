import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { destroy, type DestroyOptions } from "../../src/commands/destroy.ts";
import { errors, EXIT, KugetsuError } from "../../src/errors.ts";
import type { MadeSession } from "../../src/session/record.ts";
import {
  BASE,
  CUT_OFF,
  makeStage,
  opencodeWith,
  type Parts,
  REF,
  runnerThat,
  SESSION,
  storeWith,
} from "../support/fakes.ts";

const DELETED = "delete ses_1 in opencode";

/** A stage with this session, where opencode is there unless it is not to be used. */
const stageWith = (
  stored: MadeSession,
  { opencode = true, ...more }: { opencode?: boolean } & Omit<Parts, "sessions"> = {},
) =>
  makeStage((did) => ({
    store: storeWith(did, { stored }),
    ...(opencode ? { sessions: opencodeWith(did) } : {}),
    ...more,
  }));

describe("destroying an issue's session", () => {
  test("takes what was said along while the issue is held", async () => {
    const stage = makeStage((did) => ({
      store: storeWith(did, { stored: SESSION }),
      sessions: opencodeWith(did),
      traces: { remove: (name) => did(`remove traces of ${name}`) },
    }));
    await destroy(stage.context, REF, { yes: true });
    assert.deepEqual(stage.effects, [
      ...[`hold ${REF}`, DELETED, "remove traces of github.com-shoko-kugetsu-14", "remove"],
    ]);
  });

  test("deletes the fork in opencode, then file and mapping", async () => {
    const { context, effects, stderr, results } = stageWith(SESSION);
    assert.equal(await destroy(context, REF, { yes: true }), 0);
    assert.deepEqual(effects, [`hold ${REF}`, DELETED, "remove"]);
    assert.deepEqual(stderr, [`note Destroyed the session of ${REF}.`]);
    assert.deepEqual(results, [
      { destroyed: REF, opencode_session_id: "ses_1", opencode_session_deleted: true },
    ]);
  });

  const LEFT_ALONE: [what: string, origin: MadeSession["origin"], options: DestroyOptions][] = [
    ["adopted", "adopted", {}],
    ["to be kept", "forked", { keepSession: true }],
  ];
  for (const [what, origin, options] of LEFT_ALONE) {
    test(`does not touch opencode for one that is ${what}`, async () => {
      const { context, effects, stderr, results } = stageWith({ ...SESSION, origin }, {
        opencode: false,
      });
      assert.equal(await destroy(context, REF, { yes: true, ...options }), 0);
      assert.deepEqual(effects, [`hold ${REF}`, "remove"]);
      assert.match(stderr[0]!, /; session ses_1 is not deleted in opencode\.$/);
      assert.deepEqual(results, [
        { destroyed: REF, opencode_session_id: "ses_1", opencode_session_deleted: false },
      ]);
    });
  }

  test("deletes an adopted one in opencode if that is asked for, and one of the old tool without", async () => {
    const { origin: _, ...old } = SESSION;
    const cases: [MadeSession, DestroyOptions][] = [
      [{ ...SESSION, origin: "adopted" }, { deleteSession: true }],
      [old, {}],
    ];
    for (const [stored, options] of cases) {
      const { context, effects } = stageWith(stored);
      await destroy(context, REF, { yes: true, ...options });
      assert.deepEqual(effects, [`hold ${REF}`, DELETED, "remove"]);
    }
  });

  test("asks first, and does nothing unless the answer is yes", async () => {
    const asked = `ask Really destroy the session of ${REF}?`;
    const yes = stageWith(SESSION, { answer: true });
    assert.equal(await destroy(yes.context, REF, {}), 0);
    assert.deepEqual(yes.effects, [`hold ${REF}`, asked, DELETED, "remove"]);
    const no = stageWith(SESSION, { answer: false });
    await assert.rejects(destroy(no.context, REF, {}), isNotConfirmed);
    assert.deepEqual(no.effects, [`hold ${REF}`, asked, "release"]);
  });

  test("refuses where there is nobody to ask, and says how to do without", async () => {
    const { context, effects } = stageWith(SESSION);
    await assert.rejects(destroy(context, REF, {}), (error) => {
      assert(isNotConfirmed(error));
      // Quoted, since a shell takes #14 for a comment.
      assert.equal((error as KugetsuError).next, `kugetsu destroy "${REF}" -y`);
      return true;
    });
    assert.deepEqual(effects, [`hold ${REF}`, "release"]);
  });

  test("ends what a turn that was cut off has left running, before anything is deleted", async () => {
    const stored = { ...SESSION, turn: CUT_OFF };
    const stage = makeStage((did) => ({
      store: storeWith(did, { stored }),
      sessions: opencodeWith(did),
      runner: runnerThat(did),
    }));
    await destroy(stage.context, REF, { yes: true });
    assert.deepEqual(stage.effects, [
      `hold ${REF}`,
      "end leftovers of turn-0 in /repository",
      DELETED,
      "remove",
    ]);
  });

  test("keeps the mapping when opencode cannot be asked", async () => {
    const failure = errors.opencodeFailed("delete a session in opencode", "it is not there");
    const { context, effects } = makeStage((did) => ({
      store: storeWith(did, { stored: SESSION }),
      sessions: { remove: () => Promise.reject(failure) },
    }));
    await assert.rejects(destroy(context, REF, { yes: true }), failure);
    assert.deepEqual(effects, [`hold ${REF}`, "release"]);
  });

  test("of an issue that has none is exit status 3", async () => {
    const { context, effects } = makeStage((did) => ({ store: storeWith(did) }));
    await assert.rejects(
      destroy(context, REF, { yes: true }),
      (error) => error instanceof KugetsuError && error.exit === EXIT.notFound,
    );
    assert.deepEqual(effects, [`hold ${REF}`]);
  });
});

describe("destroying an issue with a worktree", () => {
  const worktree = { path: "/w/x", branch: "kugetsu/x", from: "0123", repository: "/repository" };
  const worktreeStage = (changes: string[], more: Parts = {}) =>
    makeStage((did) => ({
      store: storeWith(did, { stored: { ...SESSION, worktree } }),
      sessions: opencodeWith(did),
      workspace: {
        inspect: () => Promise.resolve({ kind: "present", changes, commits: [], ignored: [] }),
        removeWorktree(_, { discard }) {
          did(`remove worktree, discard ${discard}`);
          return Promise.resolve({ folder: "removed", branch: "none" });
        },
      },
      ...more,
    }));

  test("takes that away too, after opencode was asked and before the mapping goes", async () => {
    const { context, effects, results } = worktreeStage([]);
    assert.equal(await destroy(context, REF, { yes: true }), 0);
    const expected = [`hold ${REF}`, DELETED, "remove worktree, discard false", "remove"];
    assert.deepEqual(effects, expected);
    const [{ worktree: told }] = results as [{ worktree: object }];
    assert.deepEqual(told, { ...worktree, folder: "removed", branch: "none" });
  });

  test("refuses before anything is asked or done when something would be lost; -y does not change that", async () => {
    for (const options of [{ yes: true }, {}]) {
      const { context, effects } = worktreeStage(["untracked: x"], { answer: true });
      await assert.rejects(
        destroy(context, REF, options),
        (error) => error instanceof KugetsuError && error.code === "worktree-unsaved",
      );
      assert.deepEqual(effects, [`hold ${REF}`, "release"]);
    }
  });

  test("and what helps against one refusal does not run into another", async () => {
    const nextOf = async (options: DestroyOptions, changes: string[]) => {
      const { context } = worktreeStage(changes);
      const error = await destroy(context, REF, options).catch((it: unknown) => it);
      return (error as KugetsuError).next;
    };
    const both = `kugetsu destroy "${REF}" --discard -y`;
    assert.equal(await nextOf({ yes: true }, ["untracked: x"]), both);
    assert.equal(await nextOf({ discard: true }, ["untracked: x"]), both);
    assert.equal(
      await nextOf({ keepSession: true }, []),
      `kugetsu destroy "${REF}" --keep-session -y`,
    );
  });

  test("--discard deletes it, and still asks", async () => {
    const { context, effects } = worktreeStage(["untracked: x"], { answer: true });
    assert.equal(await destroy(context, REF, { discard: true }), 0);
    assert.match(effects[1]!, /^ask Really destroy .* and its worktree\?$/);
    assert.equal(effects.at(-2), "remove worktree, discard true");
  });
});

describe("destroying the base", () => {
  const baseStage = (base: MadeSession | undefined, more: Parts = {}) =>
    makeStage((did) => ({
      store: {
        base: () => Promise.resolve(base),
        removeBase() {
          did("remove base");
          return Promise.resolve(true);
        },
      },
      sessions: { remove: opencodeWith(did).remove! },
      ...more,
    }));

  test("takes its mapping away and leaves it in opencode, unless that is asked for", async () => {
    const kept = baseStage(BASE);
    assert.equal(await destroy(kept.context, undefined, { base: true, yes: true }), 0);
    assert.deepEqual(kept.effects, ["remove base"]);
    assert.match(
      kept.stderr[0]!,
      /; session ses_base is not deleted in opencode\. Issues .* untouched\.$/,
    );
    const deleted = baseStage(BASE);
    await destroy(deleted.context, undefined, { base: true, yes: true, deleteSession: true });
    assert.deepEqual(deleted.effects, ["delete ses_base in opencode", "remove base"]);
  });

  test("of a repository takes that one's, by whatever spelling", async () => {
    const { context, effects, results } = makeStage((did) => ({
      store: {
        baseOf(repository) {
          did(`base of ${repository}`);
          return Promise.resolve({ ...BASE, repository });
        },
        removeBase(repository) {
          did(`remove base of ${repository}`);
          return Promise.resolve(true);
        },
      },
    }));
    await destroy(context, undefined, { base: "GitHub.com/Acme/Widget", yes: true });
    const repository = "github.com/acme/widget";
    assert.deepEqual(effects, [`base of ${repository}`, `remove base of ${repository}`]);
    assert.equal((results[0] as { repository: string }).repository, repository);
    await assert.rejects(
      destroy(context, undefined, { base: "widget", yes: true }),
      (error) => error instanceof KugetsuError && error.code === "bad-repository",
    );
  });

  test("asks first", async () => {
    const { context, effects } = baseStage(BASE, { answer: false });
    await assert.rejects(destroy(context, undefined, { base: true }), isNotConfirmed);
    assert.deepEqual(effects, ["ask Really destroy the base session's mapping?"]);
  });

  test("where there is none is exit status 3", async () => {
    const { context } = baseStage(undefined);
    await assert.rejects(
      destroy(context, undefined, { base: true, yes: true }),
      (error) => error instanceof KugetsuError && error.code === "no-base" && error.exit === 3,
    );
  });
});

test("what contradicts itself is refused before anything is looked at", async () => {
  const calls: [typed: string | undefined, options: DestroyOptions][] = [
    [REF, { keepSession: true, deleteSession: true }],
    [REF, { base: true }],
    [undefined, {}],
  ];
  for (const [typed, options] of calls) {
    const { context } = makeStage(() => ({}));
    await assert.rejects(
      destroy(context, typed, { yes: true, ...options }),
      (error) => error instanceof KugetsuError && error.code === "usage",
    );
  }
});

function isNotConfirmed(error: unknown): boolean {
  return error instanceof KugetsuError && error.code === "not-confirmed" &&
    error.exit === EXIT.refused;
}
