import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { turnJob } from "../../src/commands/turn_job.ts";
import { errors, KugetsuError } from "../../src/errors.ts";
import type { TurnRequest } from "../../src/runner/mod.ts";
import type { RunningTurn, SessionRecord } from "../../src/session/record.ts";
import { ended, newRecord, OWNER_DIED } from "../../src/session/state.ts";
import type { Submission } from "../../src/supervisor/mod.ts";
import {
  anyFolder,
  BASE,
  fakeHold,
  makeStage,
  NAME,
  NOW,
  OPENCODE,
  OWNER,
  type Parts,
  REF,
  runnerThat,
  SESSION,
  storeWith,
} from "../support/fakes.ts";
import { type FakeHost, fakeHost, submission } from "../support/turns.ts";

const START = submission({ ref: REF, id: "turn-1", started_at: NOW });
const CONTINUE: Submission = { ...START, kind: "continue" };
/** The turn of such a submission, as an owner that died has left it. */
const LEFT: RunningTurn = {
  id: "turn-1",
  kind: "start",
  started_at: NOW,
  owner: { pid: 5, started: "50", boot: "b" },
  runner: "server",
};
const ADMIT = `admit ${REF} as ${NAME}`;

interface Play {
  stored?: SessionRecord | undefined;
  make?: (did: (effect: string) => void) => Parts;
  admit?: () => Promise<void>;
}

/** Hands a submission to the job; `recovered` is one that an earlier supervisor had accepted. */
async function play(submission: Submission, recovered: boolean, { stored, make, admit }: Play) {
  const [saved, requests]: [SessionRecord[], TurnRequest[]] = [[], []];
  let host!: FakeHost;
  const stage = makeStage((did) => {
    host = fakeHost(did, admit ? { admit } : {});
    return {
      store: storeWith(did, {
        ...(stored ? { stored } : {}),
        onSave: (record) => saved.push(record),
      }),
      workspace: anyFolder(did),
      runner: runnerThat(did, {}, (request) => requests.push(request)),
      ...make?.(did),
    };
  });
  const error = await turnJob(stage.context, submission, host, recovered).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { ...stage, host, saved, requests, error };
}

const refused = (error: unknown, code: string) => {
  assert.ok(error instanceof KugetsuError, String(error));
  assert.equal(error.code, code);
};

describe("a turn that is handed in", () => {
  test("is admitted when it is on record as waiting and nothing can refuse it any more, and then runs", async () => {
    const { effects, saved, host } = await play(START, false, {});
    assert.deepEqual(effects.slice(0, 5), [
      `claim ${REF}`,
      "folder /repository",
      "save queued -",
      ADMIT,
      "save starting -",
    ]);
    assert.deepEqual(saved[0], {
      ...newRecord(REF, { ...LEFT, owner: OWNER }, NOW),
      directory: "/repository",
    });
    assert.equal(host.ends[0]?.outcome.kind, "done");
    const next = await play(CONTINUE, false, { stored: SESSION });
    assert.deepEqual(next.effects.slice(0, 4), [
      `hold ${REF}`,
      "folder /repository",
      "save queued ses_1",
      ADMIT,
    ]);
    assert.deepEqual(next.saved[0]?.turn, { ...LEFT, kind: "continue", owner: OWNER });
  });

  test("and cannot be admitted leaves everything as it was", async () => {
    const admit = () => Promise.reject(errors.unwritable("/state/turns/x.json", new Error("full")));
    const start = await play(START, false, { admit });
    refused(start.error, "unwritable");
    assert.deepEqual(start.effects.slice(-2), [ADMIT, "remove"]);
    const stored = { ...SESSION, state: "blocked", reason: "it wanted bash" };
    const next = await play(CONTINUE, false, { stored, admit });
    assert.deepEqual(next.effects.slice(-3), [
      ADMIT,
      "save blocked ses_1 (it wanted bash)",
      "release",
    ]);
    assert.equal(next.saved.at(-1), stored);
    assert.deepEqual([start.host.ends, next.host.ends], [[], []]);
  });

  test("and is refused by a plugin was never begun", async () => {
    const make = () => ({
      plugins: {
        warm() {},
        before: () => Promise.reject(errors.pluginRefused("acme", "pre-start", "not now")),
      },
    });
    const { error, effects } = await play(START, false, { make });
    refused(error, "plugin-refused");
    assert.deepEqual(effects, [`claim ${REF}`, "folder /repository", "remove"]);
  });
});

describe("a start over one that was cut off earlier", () => {
  const stored = newRecord(REF, { ...LEFT, id: "turn-0" }, NOW);

  test("first ends what that has left running, and then begins anew", async () => {
    const { effects, requests } = await play(START, false, { stored });
    assert.deepEqual(effects.slice(0, 4), [
      `claim ${REF}`,
      "end leftovers of turn-0",
      "folder /repository",
      "save queued -",
    ]);
    assert.deepEqual([requests[0]?.id, requests[0]?.kind], ["turn-1", "fork"]);
  });

  test("is refused while something of that is alive, which stays on record", async () => {
    const make = () => ({ runner: { endLeftovers: () => Promise.resolve(2) } });
    const { error, effects } = await play(START, false, { stored, make });
    refused(error, "leftovers-alive");
    assert.deepEqual(effects, [`claim ${REF}`, "release"]);
  });

  test("leaves nothing of it when it is refused for another reason", async () => {
    const make = (did: (effect: string) => void) => ({
      store: {
        ...storeWith(did, { base: null }),
        claim: () => Promise.resolve(fakeHold(did, stored)),
      },
    });
    const { error, effects } = await play(START, false, { make });
    refused(error, "no-base");
    assert.deepEqual(effects, ["end leftovers of turn-0", "remove"]);
  });
});

describe("a worktree that a start has got", () => {
  const worktree = { path: "/w/x", branch: "kugetsu/x", from: "0123", repository: "/repository" };
  const place = { ...START.place, mode: "own" as const };
  const start = { ...START, place };
  const stored = { ...newRecord(REF, LEFT, NOW), directory: "/w/x", worktree };
  const workspace = (did: (effect: string) => void) => ({
    ...anyFolder(did),
    isGone: () => Promise.resolve(false),
    clearStray: ({ path }: { path: string }) => Promise.resolve(did(`clear ${path}`) === undefined),
  });

  test("goes with its record, if it is taken up again and gets no session", async () => {
    const outcome = { kind: "failed", reason: "never-started", detail: "it is gone" } as const;
    const make = (did: (effect: string) => void) => ({
      workspace: workspace(did),
      runner: { ...runnerThat(did, { outcome, session: undefined }), movesForks: true },
    });
    const { effects, host } = await play(start, true, { stored, make });
    assert.equal(host.ends[0]?.outcome.kind, "failed");
    assert.deepEqual(effects.slice(-3), ["clear /w/x", "remove", "ended failed"]);
  });

  test("goes with its record, if it is refused before it is looked at", async () => {
    const make = (did: (effect: string) => void) => ({
      store: {
        ...storeWith(did, { base: null }),
        resume: () => Promise.resolve(fakeHold(did, stored)),
      },
      workspace: workspace(did),
    });
    const { error, effects } = await play(start, true, { make });
    refused(error, "no-base");
    assert.deepEqual(effects.slice(-2), ["clear /w/x", "remove"]);
  });

  test("stays with its session, whatever becomes of the turn", async () => {
    const make = (did: (effect: string) => void) => ({
      workspace: workspace(did),
      plugins: {
        warm() {},
        before: () => Promise.reject(errors.pluginRefused("acme", "pre-continue", "not now")),
      },
    });
    const { error, effects } = await play({ ...CONTINUE, place }, false, {
      stored: { ...SESSION, worktree },
      make,
    });
    refused(error, "plugin-refused");
    assert.ok(!effects.includes("clear /w/x"), `${effects}`);
  });
});

describe("a turn that is taken up again", () => {
  test("begins anew while it has no session", async () => {
    const stored = newRecord(REF, LEFT, NOW);
    const { effects, requests, saved } = await play(START, true, { stored });
    assert.deepEqual(effects.slice(0, 5), [
      `resume ${REF}`,
      "end leftovers of turn-1",
      "folder /repository",
      "save queued -",
      ADMIT,
    ]);
    assert.deepEqual(requests.map((it) => [it.id, it.kind, it.session]), [
      ["turn-1", "fork", "ses_base"],
    ]);
    assert.deepEqual(saved[0]?.turn?.owner, OWNER, "it has another owner now");
    assert.equal(saved.at(-1)?.last_turn?.id, "turn-1");
  });

  test("keeps the worktree that it had got, though --from would be too late for one of an earlier life", async () => {
    const worktree = { path: "/w/x", branch: "kugetsu/x", from: "0123", repository: "/repository" };
    const stored = { ...newRecord(REF, LEFT, NOW), directory: "/w/x", worktree };
    const place = { ...START.place, mode: "own" as const, demanded: true, from: "v1" };
    const make = (did: (effect: string) => void) => ({
      workspace: {
        ...anyFolder(did),
        isGone: () => Promise.resolve(false),
      },
    });
    const { effects, requests, saved } = await play({ ...START, place }, true, { stored, make });
    assert.equal(effects[1], "end leftovers of turn-1 in /w/x");
    assert.deepEqual([saved[0]?.worktree, requests[0]?.directory], [worktree, "/w/x"]);
  });

  test("goes on in the session that it has got, and sends the message that was never sent", async () => {
    const stored: SessionRecord = { ...SESSION, state: "running", turn: LEFT };
    const { effects, requests } = await play(START, true, { stored });
    assert.deepEqual(effects.slice(0, 4), [
      `resume ${REF}`,
      "folder /repository",
      "save queued ses_1",
      ADMIT,
    ]);
    const { id, kind, session, message, isAgain } = requests[0]!;
    assert.deepEqual([id, kind, session, message, isAgain], [
      ...["turn-1", "continue", "ses_1", "hello"],
      false,
    ]);
  });

  test("gives the runner the name of a message that was about to be sent", async () => {
    const turn = { ...LEFT, kind: "continue" as const, message_id: "msg_1" };
    const stored: SessionRecord = { ...SESSION, state: "running", turn };
    const { requests, saved } = await play(CONTINUE, true, { stored });
    assert.deepEqual(requests.map((it) => [it.messageId, it.isAgain]), [["msg_1", true]]);
    assert.deepEqual(saved[0]?.turn, { ...turn, owner: OWNER });
  });

  test("has failed if it ran in an opencode of its own, of which nothing is left", async () => {
    const turn: RunningTurn = { ...LEFT, runner: "run", opencode: OPENCODE };
    const run = { ...START, runner: "run" as const };
    const { effects, host, requests } = await play(run, true, {
      stored: { ...SESSION, state: "running", turn },
    });
    assert.deepEqual(effects, [
      `resume ${REF}`,
      "end leftovers of turn-1 in /repository",
      `save failed ses_1 (${OWNER_DIED})`,
      ADMIT,
      "release",
      "ended failed",
    ]);
    assert.equal(requests.length, 0);
    assert.deepEqual(host.ends[0]?.outcome, {
      ...{ kind: "failed", reason: "killed", detail: OWNER_DIED },
    });
    const early = await play(run, true, { stored: newRecord(REF, turn, NOW) });
    assert.deepEqual(early.effects.slice(1, 3), ["end leftovers of turn-1", "remove"]);
    assert.equal(early.host.ends[0]?.session, null);
  });

  test("with a runner of its own that had not begun begins now", async () => {
    const run = { ...START, runner: "run" as const };
    const stored = newRecord(REF, { ...LEFT, runner: "run" }, NOW);
    const { requests } = await play(run, true, { stored });
    assert.deepEqual(requests.map((it) => it.kind), ["fork"]);
  });

  test("is only told when it is on record how it ended", async () => {
    const running: SessionRecord = { ...SESSION, state: "running", turn: LEFT };
    const outcomes = [
      { kind: "done" },
      { kind: "blocked", detail: "it wanted bash", pending: false },
      { kind: "cancelled", signal: "SIGINT" },
      { kind: "cancelled", signal: "SIGTERM" },
      { kind: "failed", reason: "opencode", detail: "no credit" },
    ] as const;
    for (const outcome of outcomes) {
      const stored = ended(running, outcome, NOW);
      const { effects, host } = await play(START, true, { stored });
      assert.deepEqual(effects, [`resume ${REF}`, ADMIT, "release", `ended ${outcome.kind}`]);
      assert.deepEqual(host.ends, [{ outcome, session: "ses_1", text: "" }]);
    }
  });

  test("is over if its session was destroyed meanwhile: nothing is begun in its place", async () => {
    for (const turn of [START, CONTINUE]) {
      const { error, effects } = await play(turn, true, {});
      refused(error, "no-session");
      assert.deepEqual(effects, [`resume ${REF}`, "remove"]);
    }
  });

  test("and is refused now has failed, with why on record, and what it left can still be found", async () => {
    const stored: SessionRecord = { ...SESSION, state: "running", turn: LEFT };
    const failure = errors.noFolder(
      "/repository",
      "the session's folder",
      "there is no such folder",
    );
    const make = () => ({
      workspace: {
        folder() {
          throw failure;
        },
      },
    });
    const { error, effects, saved, host } = await play(START, true, { stored, make });
    refused(error, "no-folder");
    assert.deepEqual(effects, [
      `resume ${REF}`,
      `save failed ses_1 (${failure.message})`,
      "release",
    ]);
    assert.deepEqual([saved[0]?.turn, host.ends], [LEFT, []]);
  });

  test("and is refused now without a session leaves nothing", async () => {
    const make = (did: (effect: string) => void) => ({
      store: {
        ...storeWith(did, { base: null }),
        resume: () => Promise.resolve(fakeHold(did, newRecord(REF, LEFT, NOW))),
      },
    });
    const { error, effects } = await play(START, true, { make });
    refused(error, "no-base");
    assert.deepEqual(effects, ["end leftovers of turn-1", "remove"]);
  });

  test("is not taken up while somebody holds its issue", async () => {
    const make = () => ({
      store: { resume: () => Promise.reject(errors.turnRunning(REF, "pid 9")) },
    });
    const { error, effects } = await play(START, true, { make });
    refused(error, "turn-running");
    assert.deepEqual(effects, []);
  });
});

test("a start forks the base that was asked for", async () => {
  const own = { ...BASE, opencode_session_id: "ses_own", repository: "github.com/shoko/kugetsu" };
  const make = (did: (effect: string) => void) => ({
    store: { ...storeWith(did), baseOf: () => Promise.resolve(own) },
  });
  assert.equal((await play(START, false, { make })).requests[0]?.session, "ses_own");
  const { requests } = await play({ ...START, base: "default" }, false, { make });
  assert.equal(requests[0]?.session, "ses_base");
});
