import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { start, type StartOptions } from "../../src/commands/start.ts";
import { errors, KugetsuError } from "../../src/errors.ts";
import type { TurnRequest } from "../../src/runner/mod.ts";
import type { SessionRecord } from "../../src/session/record.ts";
import { newRecord } from "../../src/session/state.ts";
import {
  anyFolder,
  BASE,
  CUT_OFF,
  type makeStage,
  NOW,
  OPENCODE,
  opencodeWith,
  OWNER,
  type Parts,
  REF,
  runnerThat,
  SETTINGS,
  storeWith,
} from "../support/fakes.ts";
import { makeTurnStage } from "../support/supervisor.ts";

type Make = Parameters<typeof makeStage>[0];

/** All that a start needs, with some of it changed. */
const stageWith = (change: Make = () => ({})) =>
  makeTurnStage((did) => ({
    store: storeWith(did),
    workspace: anyFolder(did),
    runner: runnerThat(did),
    ...change(did),
  }));

const WELL = [
  `claim ${REF}`,
  "folder /repository",
  "save queued -",
  "save starting -",
  "turn fork ses_base",
  "save starting -",
  "save running ses_new",
  "save idle ses_new",
  "release",
];

describe("a start", () => {
  test("writes down what it is about to do before it does it, and gives the issue back", async () => {
    const { context, effects, stdout } = stageWith();
    assert.equal(await start(context, REF, "fix it", {}), 0);
    assert.deepEqual(effects, WELL);
    assert.deepEqual(stdout, ["ok\n"]);
  });

  test("puts on record who does it, where, and which process it is", async () => {
    const saved: SessionRecord[] = [];
    const { context } = stageWith((did) => ({
      store: storeWith(did, { onSave: (record) => saved.push(structuredClone(record)) }),
    }));
    await start(context, REF, "fix it", {});
    const turn = { id: "turn-1", kind: "start", started_at: NOW, owner: OWNER, runner: "server" };
    const first = { ...newRecord(REF, saved[0]!.turn!, NOW), directory: "/repository" };
    assert.deepEqual(saved[0], { ...first, turn });
    assert.deepEqual(saved[2]?.turn, { ...turn, opencode: OPENCODE });
    assert.deepEqual(saved[4]?.last_turn, {
      id: "turn-1",
      outcome: "done",
      started_at: NOW,
      ended_at: NOW,
    });
  });

  test("forks the base in the base's folder, with the message as it is and the settings there are", async () => {
    let request: TurnRequest | undefined;
    let flags: object | undefined;
    const { context } = stageWith((did) => ({
      runner: runnerThat(did, {}, (it) => request = it),
      config: {
        settings(given) {
          flags = given;
          return { ...SETTINGS, model: "local/scripted", permissions: "wait" };
        },
      },
    }));
    const options: StartOptions = {
      model: "m",
      agent: "a",
      permissions: "p",
      timeout: "1h",
      silenceTimeout: "2m",
      firstEventTimeout: "3s",
      answerTimeout: "4h",
      maxTokens: "5",
      maxCost: "6",
      maxParallel: "7",
      runner: "r",
    };
    await start(context, REF, " fix\nit \0", options);
    assert.deepEqual(flags, {
      model: "m",
      agent: "a",
      permissions: "p",
      "limits.total": "1h",
      "limits.silence": "2m",
      "limits.firstEvent": "3s",
      "limits.answer": "4h",
      "budget.tokens": "5",
      "budget.cost": "6",
      "queue.maxParallel": "7",
      runner: "r",
      "worktree.mode": undefined,
    });
    const { id, kind, session, directory, message, model, permissions, limits } = request!;
    assert.deepEqual([id, kind, session, directory], [
      "turn-1",
      "fork",
      "ses_base",
      "/repository",
    ]);
    assert.equal(message, " fix\nit \0");
    assert.deepEqual([model, permissions, limits], ["local/scripted", "wait", SETTINGS.limits]);
  });

  test("asks opencode once where a base is that the old tool has made", async () => {
    const { directory: _, ...old } = BASE;
    const { context, effects } = stageWith((did) => ({
      store: {
        ...storeWith(did, { base: old }),
        setBase(record, { replace }) {
          did(`set base ${record.opencode_session_id} in ${record.directory}, ${replace}`);
          return Promise.resolve();
        },
      },
      sessions: opencodeWith(did, { id: "ses_base", directory: "/old" }),
    }));
    assert.equal(await start(context, REF, "fix it", {}), 0);
    assert.deepEqual(effects.slice(0, 4), [
      `claim ${REF}`,
      "find ses_base",
      "folder /old",
      "set base ses_base in /old, true",
    ]);
  });

  test("that was cut off before is begun anew, when what it left running is ended", async () => {
    const { context, effects } = stageWith((did) => ({
      store: storeWith(did, { stored: newRecord(REF, { ...CUT_OFF, kind: "start" }, NOW) }),
    }));
    assert.equal(await start(context, REF, "fix it", {}), 0);
    assert.deepEqual(effects, [WELL[0], "end leftovers of turn-0", ...WELL.slice(1)]);
  });
});

describe("nothing is claimed", () => {
  const rejected = (error: Error) => () => Promise.reject(error);
  const CASES: [
    what: string,
    code: string,
    call: [string, string?, StartOptions?],
    change?: Make,
  ][] = [
    ["for a ref that is none", "bad-ref", ["kugetsu#14", "fix it"]],
    ["with a setting that is wrong", "bad-setting", [REF, "fix it"], () => ({
      config: {
        settings() {
          throw errors.badSetting("model", "x", "no");
        },
      },
    })],
    ["without a base", "no-base", [REF, "fix it"], (did) => ({
      store: storeWith(did, { base: null }),
    })],
    ["without a message, where no forge knows the issue", "no-message", [REF], () => ({
      plugins: { issue: rejected(errors.noForge("github.com", "no plugin speaks for it")) },
    })],
    ["with an empty message", "empty-message", [REF, " \n"]],
    ["with two messages", "usage", [REF, "fix it", { messageFile: "task.md" }]],
    [
      "with a file that cannot be read",
      "unreadable",
      [REF, undefined, { messageFile: "x" }],
      () => ({
        context: { readFile: rejected(errors.unreadable("x", new Error("gone"))) },
      }),
    ],
    ["for an issue that has a session", "session-exists", [REF, "fix it"], () => ({
      store: {
        base: () => Promise.resolve(BASE),
        baseOf: () => Promise.resolve(undefined),
        claim: rejected(errors.sessionExists(REF)),
      },
    })],
  ];
  for (const [what, code, [typed, message, options = {}], change] of CASES) {
    test(what, async () => {
      const { context, effects } = stageWith(change);
      await assert.rejects(
        start(context, typed, message, options),
        (error) => error instanceof KugetsuError && error.code === code,
      );
      assert.deepEqual(effects, []);
    });
  }
});

describe("what was claimed is given back, and nothing stays behind", () => {
  const failure = errors.opencodeFailed("try", "it failed");
  const fail = () => {
    throw failure;
  };
  const CASES: [what: string, change: Make, effects: string[]][] = [
    [
      "when the base's folder is gone",
      (did) => ({ workspace: { ...anyFolder(did), folder: fail } }),
      [`claim ${REF}`, "remove"],
    ],
    [
      "when the owner cannot be told",
      () => ({ context: { owner: fail } }),
      [`claim ${REF}`, "remove"],
    ],
    [
      "when nothing can be stored",
      (did) => ({ store: storeWith(did, { onSave: fail }) }),
      [`claim ${REF}`, "folder /repository", "save queued -", "remove"],
    ],
    [
      "when opencode is not there",
      (did) => ({ runner: { ...runnerThat(did), turn: fail } }),
      [`claim ${REF}`, "folder /repository", "save queued -", "save starting -", "remove"],
    ],
    [
      "when an earlier turn's processes cannot be ended",
      (did) => ({
        store: storeWith(did, { stored: newRecord(REF, CUT_OFF, NOW) }),
        runner: { endLeftovers: fail },
      }),
      [`claim ${REF}`, "release"],
    ],
  ];
  for (const [what, change, expected] of CASES) {
    test(what, async () => {
      const { context, effects, keeper } = stageWith(
        change as (did: (it: string) => void) => Parts,
      );
      await assert.rejects(start(context, REF, "fix it", {}), failure);
      assert.deepEqual(effects, expected);
      assert.equal(keeper.isIdle, true);
    });
  }

  test("when the turn never got a session", async () => {
    const outcome = { kind: "failed", reason: "opencode", detail: "it ended early" } as const;
    const { context, effects } = stageWith((did) => ({
      runner: runnerThat(did, { outcome, session: undefined, text: "" }),
    }));
    await assert.rejects(start(context, REF, "fix it", {}), (error) => {
      assert(error instanceof KugetsuError);
      assert.deepEqual([error.code, error.exit], ["turn-failed", 6]);
      assert.equal(error.next, `kugetsu retry "${REF}"`);
      return true;
    });
    assert.deepEqual(effects.slice(-2), ["save starting -", "remove"]);
  });
});

test("what is advised for a start without a message can be typed as it stands", async () => {
  const { context } = stageWith((did) => ({
    workspace: { ...anyFolder(did), remote: () => Promise.resolve("git@github.com:shoko/kugetsu") },
    plugins: {
      issue: () => Promise.reject(errors.noForge("github.com", "no plugin speaks for it")),
    },
  }));
  await assert.rejects(
    start(context, "#14", undefined, {}),
    (error) => error instanceof KugetsuError && error.next === 'kugetsu start "#14" "what to do"',
  );
});

test("a session that was made stays on record, even if the turn then breaks off", async () => {
  const { context, effects } = stageWith((did) => ({
    runner: {
      async turn(_request, watch) {
        await watch.started(OPENCODE);
        await watch.named("ses_new");
        throw new Error("the pipe broke");
      },
    },
    store: storeWith(did),
  }));
  await assert.rejects(start(context, REF, "fix it", {}), /the pipe broke/);
  assert.deepEqual(effects.slice(-3), [
    "save running ses_new",
    "save failed ses_new (Something went wrong inside kugetsu: the pipe broke)",
    "release",
  ]);
});

test("what was prepared for a start that never got a session is taken back while the issue is held", async () => {
  const worktree = { path: "/w/x", branch: "kugetsu/x", from: "0123", repository: "/repository" };
  const made = { worktree, directory: "/w/x", isNew: true, earlierCommits: 0, missing: [] };
  const outcome = { kind: "failed", reason: "opencode", detail: "no" } as const;
  const { context, effects } = stageWith((did) => ({
    config: { settings: () => ({ ...SETTINGS, worktree: { ...SETTINGS.worktree, mode: "own" } }) },
    runner: {
      movesForks: true,
      turn(request) {
        did(`turn in ${request.directory}`);
        return Promise.resolve({ outcome, session: undefined, text: "" });
      },
    },
    workspace: {
      ...anyFolder(did),
      head: () => Promise.resolve("0123"),
      makeWorktree: () => Promise.resolve(made),
      setUpWorktree({ made: { directory } }) {
        did(`set up ${directory}`);
        return Promise.resolve();
      },
      undoWorktree({ worktree: { path } }) {
        did(`undo ${path}`);
        return Promise.resolve();
      },
    },
  }));
  await assert.rejects(start(context, REF, "fix it", {}), { code: "turn-failed" });
  assert.deepEqual(effects.slice(2), [
    "save queued -",
    "save starting -",
    "set up /w/x",
    "turn in /w/x",
    "undo /w/x",
    "remove",
  ]);
});
