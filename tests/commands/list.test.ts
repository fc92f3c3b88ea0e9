import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { list, type ListOptions } from "../../src/commands/list.ts";
import type { SessionRow } from "../../src/store/mod.ts";
import { BASE, makeStage, REF, SESSION } from "../support/fakes.ts";

const row = (key: string, state: string, more: Partial<SessionRow> = {}): SessionRow => ({
  key,
  name: key.replaceAll(/[/#]/g, "-"),
  type: "forked",
  session: "ses_1",
  created: "2026-01-01",
  state,
  tokens: 0,
  cost: 0,
  ...more,
});

const BASE_ROW = row("(base)", "idle", { type: "base", session: "ses_base" });
const FURTHER = {
  ...BASE,
  opencode_session_id: "ses_further",
  repository: "github.com/acme/widget",
  directory: "/widget",
};
const ROWS = [
  row("a.b/c/d#1", "running"),
  row("a.b/c/d#2", "starting", { session: null }),
  row("a.b/c/d#3", "damaged", { type: "?", session: null, created: "?", problem: "it is empty" }),
];

const tableStage = (base: SessionRow | undefined, rows: SessionRow[]) =>
  makeStage(() => ({
    store: {
      overview: () => Promise.resolve({ base, bases: [], rows }),
      bases: () => Promise.resolve([]),
    },
  }));

describe("the table", () => {
  test("has the base first, then every issue, and what cannot be read with a warning", async () => {
    const { context, stdout, stderr } = tableStage(BASE_ROW, ROWS);
    assert.equal(await list(context, {}), 0);
    assert.deepEqual(stdout.join("").split("\n"), [
      "ISSUE_REF|TYPE|SESSION_ID|CREATED|STATE",
      "(base)|base|ses_base|2026-01-01|idle",
      "a.b/c/d#1|forked|ses_1|2026-01-01|running",
      "a.b/c/d#2|forked|-|2026-01-01|starting",
      "a.b/c/d#3|?|-|?|damaged",
      "",
    ]);
    assert.deepEqual(stderr, [
      'warn "a.b/c/d#3" cannot be read: it is empty; run: kugetsu doctor --fix',
    ]);
  });

  test("has only those in a state, if one is given", async () => {
    const refs = async (state: string) => {
      const { context, stdout } = tableStage(BASE_ROW, ROWS);
      await list(context, { state });
      return stdout.join("").split("\n").slice(1, -1).map((line) => line.split("|")[0]);
    };
    assert.deepEqual(await refs("running"), ["a.b/c/d#1"]);
    assert.deepEqual(await refs("idle"), ["(base)"]);
    assert.deepEqual(await refs("damaged"), ["a.b/c/d#3"]);
  });

  test("of nothing is a word about how to begin, or about the state", async () => {
    const empty = tableStage(undefined, []);
    await list(empty.context, {});
    assert.deepEqual(empty.stdout, []);
    assert.match(empty.stderr[0]!, /^note There is no session yet\. .*: kugetsu init$/);
    const none = tableStage(BASE_ROW, ROWS);
    await list(none.context, { state: "failed" });
    assert.deepEqual(none.stdout, []);
    assert.equal(none.stderr[0], 'note There is no session in the state "failed".');
  });
});

describe("a base whose branch has gone on", () => {
  const bases = [{ ...BASE, branch: "main", commit: "0123" }, {
    ...FURTHER,
    branch: "main",
    commit: "4567",
  }];
  const parts = {
    store: {
      overview: () =>
        Promise.resolve({
          base: BASE_ROW,
          bases: [{ ...row("(base) x", "idle"), branch: "main" }],
          rows: [],
        }),
      list: () => Promise.resolve({ base: bases[0], sessions: [] }),
      bases: () => Promise.resolve(bases),
    },
    workspace: {
      behind: (_: string, __: string, commit: string) => Promise.resolve(commit === "4567" ? 2 : 0),
    },
  };

  test("is named with by how much, and with how to renew it", async () => {
    const { context, stdout, stderr } = makeStage(() => parts);
    await list(context, {});
    assert.match(stdout.join(""), /^\(base\) x\|/m);
    assert.deepEqual(stderr, [
      'note The base of github.com/acme/widget is 2 commits behind main. Renew it: kugetsu init --refresh --dir "/widget"',
    ]);
  });

  test("has that number in the JSON", async () => {
    const { context, results } = makeStage(() => ({ ...parts, json: true }));
    await list(context, {});
    assert.deepEqual(results, [
      { base: bases[0], bases: [{ ...bases[1], behind: 2 }], sessions: [] },
    ]);
  });
});

describe("the JSON", () => {
  const jsonStage = () =>
    makeStage(() => ({
      json: true,
      store: {
        bases: () => Promise.resolve([BASE, FURTHER]),
        list: () =>
          Promise.resolve({
            base: BASE,
            sessions: [
              { key: REF, record: { ...SESSION, state: "running" }, holder: "pid 7" },
              { key: "a.b/c/d#3", record: undefined, problem: "it is empty" },
            ],
          }),
      },
    }));

  test("has everything that is on record, by the names that the files use", async () => {
    const { context, results, stdout } = jsonStage();
    assert.equal(await list(context, {}), 0);
    assert.deepEqual(results, [{
      base: BASE,
      bases: [FURTHER],
      sessions: [
        { ...SESSION, state: "running", holder: "pid 7" },
        { issue_ref: "a.b/c/d#3", state: "damaged", problem: "it is empty" },
      ],
    }]);
    assert.deepEqual(stdout, []);
  });

  test("has only the issues in a state, if one is given, and all bases: they are not gone", async () => {
    const told = async (options: ListOptions) => {
      const { context, results } = jsonStage();
      await list(context, options);
      return results[0] as Record<"base" | "bases" | "sessions", unknown>;
    };
    const [all, damaged] = [await told({}), await told({ state: "damaged" })];
    const sessions = [{ issue_ref: "a.b/c/d#3", state: "damaged", problem: "it is empty" }];
    assert.deepEqual(damaged, { ...all, sessions });
    assert.notEqual(damaged.base, null);
  });

  test("tells an issue by the spelling of the index", async () => {
    const { context, results } = makeStage(() => ({
      json: true,
      store: {
        bases: () => Promise.resolve([]),
        list: () =>
          Promise.resolve({
            base: undefined,
            sessions: [{ key: "GitHub.com/A/b#1", record: SESSION }],
          }),
      },
    }));
    await list(context, {});
    const [{ sessions }] = results as [{ sessions: { issue_ref: string }[] }];
    assert.equal(sessions[0]?.issue_ref, "GitHub.com/A/b#1");
  });
});
