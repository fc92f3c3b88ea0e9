import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { init, type InitOptions } from "../../src/commands/init.ts";
import { errors, EXIT, KugetsuError } from "../../src/errors.ts";
import type { TurnRequest } from "../../src/runner/mod.ts";
import type { MadeSession } from "../../src/session/record.ts";
import {
  anyFolder,
  BASE,
  makeStage,
  NOW,
  opencodeWith,
  type Parts,
  runnerThat,
} from "../support/fakes.ts";

type Did = (effect: string) => void;

/** An issue that has a session. */
const MAPPED = [{
  key: "github.com/shoko/kugetsu#3",
  record: { ...BASE, type: "forked" as const, opencode_session_id: "ses_issue" },
}];

/** A store without a base, in which one can be recorded; what is recorded is kept. */
function emptyStore(did: Did, recorded: MadeSession[], base?: MadeSession): Parts["store"] {
  return {
    base: () => Promise.resolve(base),
    bases: () => Promise.resolve(base ? [base] : []),
    standingBase: () => Promise.resolve(base),
    list: () => Promise.resolve({ base, sessions: MAPPED }),
    setBase(record, { replace }) {
      did(`set base ${record.opencode_session_id}${replace ? ", replacing" : ""}`);
      recorded.push(record);
      return Promise.resolve();
    },
  };
}

const workspace = (did: Did): Parts["workspace"] => ({
  ...anyFolder(did),
  head: () => Promise.resolve("0123abc"),
  branch: () => Promise.resolve("main"),
});

/** An opencode in which sessions can be made, which puts them in `directory` if one is given. */
function opencode(did: Did, directory?: string, status = 0): Parts["sessions"] {
  return {
    ...opencodeWith(did, { id: "ses_mine", directory: "/mine" }),
    create(folder, title) {
      did(`create "${title}" in ${folder}`);
      return Promise.resolve({ id: "ses_new", directory: directory ?? folder });
    },
    openInterface({ id }) {
      did(`open ${id}`);
      return Promise.resolve(status);
    },
  };
}

const stageWith = (change: (did: Did) => Parts = () => ({}), recorded: MadeSession[] = []) =>
  makeStage((did) => ({
    store: emptyStore(did, recorded),
    workspace: workspace(did),
    sessions: opencode(did),
    ...change(did),
  }));

const rejectedAs = (code: string, exit: number) => (error: unknown) => {
  assert(error instanceof KugetsuError, String(error));
  assert.deepEqual([error.code, error.exit], [code, exit]);
  return true;
};

describe("init with a terminal", () => {
  const atTerminal = () => ({ answer: true });

  test("opens opencode on a session made beforehand, and records it when it closes", async () => {
    const recorded: MadeSession[] = [];
    const { context, effects } = stageWith(atTerminal, recorded);
    assert.equal(await init(context, {}), 0);
    assert.deepEqual(effects, [
      "folder /cwd",
      'create "kugetsu base" in /cwd',
      "open ses_new",
      "set base ses_new",
    ]);
    assert.deepEqual(recorded, [{
      type: "base",
      issue_ref: null,
      opencode_session_id: "ses_new",
      created_at: NOW,
      state: "idle",
      directory: "/cwd",
      origin: "created",
      opencode_version: "1.18.33",
      commit: "0123abc",
      branch: "main",
    }]);
  });

  test("records nothing and leaves no session behind when opencode's interface fails", async () => {
    const { context, effects } = stageWith((did) => ({
      ...atTerminal(),
      sessions: opencode(did, undefined, 1),
    }));
    await assert.rejects(init(context, {}), rejectedAs("opencode-failed", EXIT.environment));
    assert.deepEqual(effects.slice(-2), ["open ses_new", "delete ses_new in opencode"]);
  });

  test("takes the folder that it is given, and no commit where there is none", async () => {
    const recorded: MadeSession[] = [];
    const { context } = stageWith((did) => ({
      ...atTerminal(),
      workspace: { ...anyFolder(did), head: () => Promise.resolve(undefined) },
    }), recorded);
    await init(context, { dir: "/other" });
    assert.equal(recorded[0]?.directory, "/other");
    assert(!("commit" in recorded[0]!));
  });
});

test("init without a terminal makes nothing, and says what can be done instead", async () => {
  const { context, effects } = stageWith();
  await assert.rejects(init(context, {}), (error) => {
    rejectedAs("no-terminal", EXIT.environment)(error);
    assert.match(`${(error as KugetsuError).next}`, /--headless/);
    return true;
  });
  assert.deepEqual(effects, ["folder /cwd"]);
});

describe("init --headless", () => {
  test("makes a session without asking a model", async () => {
    const { context, effects } = stageWith();
    assert.equal(await init(context, { headless: true }), 0);
    assert.deepEqual(effects, [
      "folder /cwd",
      'create "kugetsu base" in /cwd',
      "set base ses_new",
    ]);
  });

  test("with a message runs one turn in it first", async () => {
    let request: TurnRequest | undefined;
    const { context, effects, stdout } = stageWith((did) => ({
      runner: runnerThat(did, {}, (it) => request = it),
    }));
    assert.equal(await init(context, { headless: "read this" }), 0);
    assert.deepEqual(effects.slice(1), [
      'create "kugetsu base" in /cwd',
      "turn continue ses_new",
      "set base ses_new",
    ]);
    assert.deepEqual([request?.message, request?.directory], ["read this", "/cwd"]);
    assert.deepEqual(stdout, ["ok\n"]);
  });

  test("with a turn that does not end well records nothing, and names the session", async () => {
    const outcome = { kind: "timeout", seconds: 5 } as const;
    const { context, effects } = stageWith((did) => ({ runner: runnerThat(did, { outcome }) }));
    await assert.rejects(init(context, { headless: "read this" }), (error) => {
      rejectedAs("base-turn-ended", EXIT.stalled)(error);
      assert.equal((error as KugetsuError).next, "kugetsu init --session ses_new");
      return true;
    });
    assert.equal(effects.at(-1), "turn continue ses_new");
  });

  test("makes nothing for an empty message, or with a setting that is wrong", async () => {
    const empty = stageWith();
    await assert.rejects(
      init(empty.context, { headless: " " }),
      rejectedAs("empty-message", EXIT.usage),
    );
    const wrong = stageWith(() => ({
      config: {
        settings() {
          throw errors.badSetting("model", "x", "no");
        },
      },
    }));
    await assert.rejects(
      init(wrong.context, { headless: "read this" }),
      rejectedAs("bad-setting", EXIT.usage),
    );
    assert.deepEqual([...empty.effects, ...wrong.effects], ["folder /cwd", "folder /cwd"]);
  });

  test("takes no session that opencode made somewhere else", async () => {
    const { context, effects } = stageWith((did) => ({ sessions: opencode(did, "/elsewhere") }));
    await assert.rejects(
      init(context, { headless: true }),
      rejectedAs("wrong-folder", EXIT.environment),
    );
    assert.equal(effects.at(-1), "delete ses_new in opencode");
  });
});

describe("init --session", () => {
  test("adopts a session that opencode has, in its own folder", async () => {
    const recorded: MadeSession[] = [];
    const { context, effects } = stageWith(() => ({}), recorded);
    assert.equal(await init(context, { session: "ses_mine" }), 0);
    assert.deepEqual(effects, ["find ses_mine", "folder /mine", "set base ses_mine"]);
    assert.deepEqual([recorded[0]?.origin, recorded[0]?.directory], ["adopted", "/mine"]);
  });

  const REFUSED: [what: string, options: InitOptions, code: string, exit: number][] = [
    ["one that opencode does not have", { session: "ses_x" }, "no-opencode-session", EXIT.notFound],
    [
      "one that belongs to another folder than the one given",
      { session: "ses_mine", dir: "/other" },
      "wrong-folder",
      EXIT.environment,
    ],
    ["what is no session's id", { session: "mine" }, "bad-session-id", EXIT.usage],
    ["nothing", { session: "" }, "bad-session-id", EXIT.usage],
    ["and makes one at once", { session: "ses_mine", headless: true }, "usage", EXIT.usage],
  ];
  for (const [what, options, code, exit] of REFUSED) {
    test(`does not adopt ${what}`, async () => {
      const { context, effects } = stageWith();
      await assert.rejects(init(context, options), rejectedAs(code, exit));
      assert(!effects.some((it) => it.startsWith("set base")));
    });
  }
});

describe("where there is a base already", () => {
  const withBase = (directory = "/cwd") =>
    stageWith((did) => ({ store: emptyStore(did, [], { ...BASE, directory }) }));

  test("init does nothing without --force", async () => {
    const ways: [InitOptions, string][] = [
      [{}, ""],
      [{ headless: true }, " --headless"],
      [{ session: "ses_mine" }, ""],
    ];
    for (const [options, same] of ways) {
      const { context, effects } = withBase(options.session ? "/mine" : "/cwd");
      await assert.rejects(init(context, options), (error) => {
        rejectedAs("base-exists", EXIT.busy)(error);
        assert.equal((error as KugetsuError).next, `kugetsu init --force${same}`);
        return true;
      });
      assert(!effects.some((it) => /^(?:create|set base|open)/.test(it)), effects.join());
    }
  });

  test("of another folder, init in one that is of no repository says whose it would replace", async () => {
    const old = { ...BASE, repository: "github.com/acme/widget" };
    const { context } = stageWith((did) => ({ store: emptyStore(did, [], old) }));
    await assert.rejects(init(context, { headless: true }), (error) => {
      rejectedAs("base-exists", EXIT.busy)(error);
      const { message, next, hint } = error as KugetsuError;
      assert.match(
        message,
        /in "\/cwd": its origin .* in "\/repository" for github\.com\/acme\/widget$/,
      );
      assert.equal(next, undefined);
      assert.match(hint!, /kugetsu init --force --headless makes it the default base in place/);
      return true;
    });
    const { context: forced, stderr } = stageWith((did) => ({ store: emptyStore(did, [], old) }));
    assert.equal(await init(forced, { headless: true, force: true }), 0);
    assert.match(stderr.join(), /The former base, ses_base, that of github\.com\/acme\/widget, is/);
  });

  test("init --refresh in a folder that is of no repository renews no base of another one", async () => {
    const { context, effects } = stageWith((did) => ({ store: emptyStore(did, [], BASE) }));
    await assert.rejects(init(context, { headless: true, refresh: true }), (error) => {
      rejectedAs("no-base", EXIT.notFound)(error);
      assert.equal((error as KugetsuError).next, 'kugetsu init --refresh --dir "/repository"');
      return true;
    });
    assert(!effects.some((it) => it.startsWith("create")));
    assert.equal(
      await init(context, { headless: true, refresh: true, dir: "/repository" }),
      0,
    );
  });

  test("init --force says nothing of a former base where it is the same one", async () => {
    const mine = { ...BASE, opencode_session_id: "ses_mine" };
    const { context, stderr } = stageWith((did) => ({ store: emptyStore(did, [], mine) }));
    assert.equal(await init(context, { session: "ses_mine", force: true }), 0);
    assert(!stderr.some((it) => it.includes("former")));
  });

  test("init --force replaces it when the new one is there, and leaves the old one in opencode", async () => {
    const { context, effects, stderr } = withBase();
    assert.equal(await init(context, { headless: true, force: true }), 0);
    assert.deepEqual(effects.slice(-2), [
      'create "kugetsu base" in /cwd',
      "set base ses_new, replacing",
    ]);
    assert(stderr.includes("note The former base, ses_base, is not deleted in opencode."));
  });
});

describe("a session that was made, but could not be recorded", () => {
  const NO_SPACE = errors.unwritable("/state/index.json", { code: "ENOSPC" });
  const failing = (did: Did, base?: MadeSession): Parts["store"] => ({
    ...emptyStore(did, [], base),
    setBase: () => Promise.reject(NO_SPACE),
  });

  test("is removed from opencode, and the first error told", async () => {
    const { context, effects } = stageWith((did) => ({ store: failing(did) }));
    await assert.rejects(init(context, { headless: true }), NO_SPACE);
    assert.equal(effects.at(-1), "delete ses_new in opencode");
  });

  test("is removed too when its first turn cannot be run", async () => {
    const { context, effects } = stageWith(() => ({
      runner: { turn: () => Promise.reject(errors.opencodeFailed("read the rules", "no")) },
    }));
    await assert.rejects(
      init(context, { headless: "read this" }),
      rejectedAs("opencode-failed", EXIT.environment),
    );
    assert.equal(effects.at(-1), "delete ses_new in opencode");
  });

  test("stays when it is recorded after all, and only durability is uncertain", async () => {
    const recorded = { ...BASE, opencode_session_id: "ses_new" };
    let isRecorded = false;
    const uncertain = errors.uncertain("/state", { code: "EIO" });
    const { context, effects } = stageWith((did) => ({
      store: {
        ...emptyStore(did, []),
        bases: () => Promise.resolve(isRecorded ? [recorded] : []),
        setBase() {
          isRecorded = true;
          return Promise.reject(uncertain);
        },
      },
    }));
    await assert.rejects(init(context, { headless: true }), uncertain);
    assert(!effects.some((it) => it.startsWith("delete")));
  });

  test("is named when it cannot be removed either; the first error is still the one told", async () => {
    const { context, stderr } = stageWith((did) => ({
      store: failing(did),
      sessions: {
        ...opencode(did),
        remove: () => Promise.reject(errors.opencodeFailed("delete a session in opencode", "no")),
      },
    }));
    await assert.rejects(init(context, { headless: true }), NO_SPACE);
    assert.match(stderr.at(-1)!, /^warn Session ses_new stays in opencode: .*no$/);
  });

  test("stays if it was adopted", async () => {
    const { context, effects } = stageWith((did) => ({ store: failing(did) }));
    await assert.rejects(init(context, { session: "ses_mine" }), NO_SPACE);
    assert(!effects.some((it) => it.startsWith("delete")));
  });

  test("is removed, and nothing recorded, when a signal comes after it was made", async () => {
    const stop = new AbortController();
    const { context, effects } = stageWith((did) => ({
      sessions: {
        ...opencode(did),
        create() {
          stop.abort("SIGTERM");
          return Promise.resolve({ id: "ses_new", directory: "/cwd" });
        },
      },
      context: { untilStopped: (work) => work(stop.signal) },
    }));
    await assert.rejects(init(context, { headless: true }), rejectedAs("stopped", EXIT.terminated));
    assert.deepEqual(effects, ["folder /cwd", "delete ses_new in opencode"]);
  });
});

test("the session of an issue does not become the base: it would go with the issue", async () => {
  const { context, effects } = stageWith((did) => ({ store: emptyStore(did, []) }));
  await assert.rejects(
    init(context, { session: "ses_issue" }),
    rejectedAs("session-mapped", EXIT.busy),
  );
  assert(!effects.some((it) => it.startsWith("set base")));
});

describe("bases of several repositories", () => {
  const WIDGET = "github.com/acme/widget";
  const clone = (did: Did): Parts["workspace"] => ({
    ...workspace(did),
    remote: (folder) => Promise.resolve(folder === "/cwd" ? `https://${WIDGET}.git` : undefined),
  });

  test("init records which repository a base is of", async () => {
    const recorded: MadeSession[] = [];
    const { context } = stageWith((did) => ({ workspace: clone(did) }), recorded);
    await init(context, { headless: true });
    assert.equal(recorded[0]?.repository, WIDGET);
  });

  test("init --refresh renews a base in its own folder, wherever in the clone it is called", async () => {
    const recorded: MadeSession[] = [];
    const old = { ...BASE, directory: "/old", repository: WIDGET };
    const { context, effects } = stageWith((did) => ({
      workspace: {
        ...clone(did),
        remote: () => Promise.resolve(`https://${WIDGET}.git`),
      },
      store: { ...emptyStore(did, recorded, old), baseOf: () => Promise.resolve(old) },
    }), recorded);
    assert.equal(await init(context, { headless: true, refresh: true }), 0);
    assert.deepEqual(effects.slice(-2), [
      'create "kugetsu base" in /old',
      "set base ses_new, replacing",
    ]);
    assert.deepEqual([recorded[0]?.directory, recorded[0]?.repository], ["/old", WIDGET]);
  });

  test("init --refresh where there is no base is an error that says what to do", async () => {
    const { context } = stageWith((did) => ({
      workspace: clone(did),
      store: { ...emptyStore(did, []), baseOf: () => Promise.resolve(undefined) },
    }));
    await assert.rejects(
      init(context, { headless: true, refresh: true }),
      rejectedAs("no-base", EXIT.notFound),
    );
    await assert.rejects(
      init(context, { session: "ses_mine", refresh: true }),
      rejectedAs("usage", EXIT.usage),
    );
  });
});
