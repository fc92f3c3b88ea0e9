import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { doctor } from "../../src/commands/doctor.ts";
import { errors, EXIT } from "../../src/errors.ts";
import type { MadeSession, SessionRecord } from "../../src/session/record.ts";
import type { Finding, Listing } from "../../src/store/mod.ts";
import {
  anyFolder,
  BASE,
  CUT_OFF,
  makeStage,
  opencodeWith,
  type Parts,
  REF,
  runnerThat,
  SESSION,
} from "../support/fakes.ts";

type Did = (effect: string) => void;

const ALL_WELL: Listing = { base: BASE, sessions: [{ key: REF, record: SESSION }] };

/** A store with these sessions, in which `findings` are found until they are repaired. */
function storeOf(did: Did, listing: Listing, findings: Finding[] = []): Parts["store"] {
  let left = findings;
  return {
    list: () => Promise.resolve(listing),
    bases: () => Promise.resolve(listing.base ? [listing.base] : []),
    examine() {
      did("examine");
      return Promise.resolve(left);
    },
    repair() {
      did("repair");
      const [repaired, orphans] = [true, false].map((is) =>
        left.filter((it) => is !== (it.kind === "orphan"))
      );
      left = orphans!;
      return Promise.resolve(repaired!);
    },
    amend(key, change) {
      did(`amend ${key}: ${change(SESSION as SessionRecord).reason}`);
      return Promise.resolve(true);
    },
  };
}

const BOTH = [
  { id: "ses_base", directory: "/repository" },
  { id: "ses_1", directory: "/repository" },
];

const stageWith = (
  { listing = ALL_WELL, findings = [], has = BOTH }: {
    listing?: Listing;
    findings?: Finding[];
    has?: typeof BOTH;
  },
  change: (did: Did) => Parts = () => ({}),
) =>
  makeStage((did) => ({
    store: storeOf(did, listing, findings),
    sessions: opencodeWith(did, ...has),
    workspace: { ...anyFolder(did), folder: (path) => path },
    ...change(did),
  }));

const INTERRUPTED: Finding = {
  kind: "interrupted-turn",
  subject: REF,
  what: "its turn was cut off",
  repair: "mark it as failed",
  cutOff: { turn: CUT_OFF, where: { session: "ses_1", directory: undefined, alone: false } },
};
const ORPHAN: Finding = {
  kind: "orphan",
  subject: "x.json",
  what: "the session file is not in the index",
  repair: "kugetsu prune --force deletes it",
};
const DAMAGED: Finding = {
  kind: "index-damaged",
  subject: "/state/index.json",
  what: "the index cannot be used",
  repair: "rebuild it",
};

describe("where all is well", () => {
  test("doctor says so, line by line, and changes nothing", async () => {
    const { context, effects, stdout, results } = stageWith({});
    assert.equal(await doctor(context, {}), 0);
    assert.deepEqual(effects, ["examine", "find ses_1 ses_base"]);
    assert.deepEqual(stdout.join("").split("\n"), [
      "ok     opencode 1.18.33 at /bin/opencode",
      "ok     git at /bin/git",
      "ok     /state is sound",
      "ok     opencode has all 2 sessions",
      "",
    ]);
    assert.deepEqual((results[0] as { ok: boolean }).ok, true);
  });

  test("and empty, opencode is not asked for sessions", async () => {
    const { context, effects, stdout } = stageWith({ listing: { base: undefined, sessions: [] } });
    assert.equal(await doctor(context, {}), 0);
    assert.deepEqual(effects, ["examine"]);
    assert.match(stdout.join(""), /^ok +there is no session yet$/m);
  });

  test("a start that has no session yet is not asked for", async () => {
    const starting = { ...SESSION, opencode_session_id: null, state: "starting" };
    const sessions = [{ key: REF, record: starting }, { key: "a.b/c/d#1", record: undefined }];
    const { context, effects, stdout } = stageWith({ listing: { base: BASE, sessions } });
    assert.equal(await doctor(context, {}), 0);
    assert.deepEqual(effects, ["examine", "find ses_base"]);
    assert.match(stdout.join(""), /^ok +opencode has the one session$/m);
  });
});

describe("sessions that opencode no longer has", () => {
  test("are named too where that cannot be written down", async () => {
    const full = errors.unwritable("/state/sessions/x.json", { code: "ENOSPC" });
    const { context, stdout } = stageWith({ has: BOTH.slice(0, 1) }, (did) => ({
      store: { ...storeOf(did, ALL_WELL), amend: () => Promise.reject(full) },
    }));
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.match(stdout.join(""), /no longer has its session ses_1\n/);
    assert.match(stdout.join(""), /^bad {4}Cannot write "\/state\/sessions\/x.json".*$/m);
  });

  test("are marked as failed, and named with what to do", async () => {
    const { context, effects, stdout } = stageWith({ has: BOTH.slice(0, 1) });
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.deepEqual(effects.slice(1), ["find ses_1 ses_base", `amend ${REF}: session gone`]);
    assert.match(
      stdout.join(""),
      /^bad {4}github.*#14: opencode no longer has its session ses_1\n +run: kugetsu destroy ".*#14" -y$/m,
    );
  });

  test("are not changed if it is the base, which is only named", async () => {
    const { context, effects, stdout } = stageWith({ has: BOTH.slice(1) });
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert(!effects.some((it) => it.startsWith("amend")));
    assert.match(
      stdout.join(""),
      /no longer has the base session ses_base\n +run: kugetsu init --force/,
    );
  });
});

describe("when opencode cannot be asked", () => {
  const failure = errors.opencodeFailed("ask opencode for its sessions", "it did not answer");

  test("nothing changes, since that is not the same as gone", async () => {
    const { context, effects, stdout } = stageWith({}, (did) => ({
      sessions: { ...opencodeWith(did), find: () => Promise.reject(failure) },
    }));
    assert.equal(await doctor(context, { fix: true }), EXIT.environment);
    assert.deepEqual(effects, ["examine", "examine"]);
    assert.match(
      stdout.join(""),
      /^bad +Cannot ask opencode for its sessions: it did not answer$/m,
    );
  });

  test("because it is not there or too old, the store is looked at all the same", async () => {
    for (const error of [errors.noOpencode("it is not on PATH"), errors.opencodeTooOld("1", "2")]) {
      const { context, effects, stdout } = stageWith({}, () => ({
        sessions: { version: () => Promise.reject(error) },
      }));
      assert.equal(await doctor(context, {}), EXIT.environment);
      assert.deepEqual(effects, ["examine"]);
      assert(stdout.join("").startsWith(`bad    ${error.message}\n       run: ${error.next}\n`));
      assert.match(stdout.join(""), /^ok +\/state is sound$/m);
    }
  });
});

describe("around the state folder", () => {
  const NO_FOLDER = errors.noFolder("/repository", "X", "there is no such folder");

  test("a git that is missing is named, and the rest is looked at all the same", async () => {
    const { context, stdout } = stageWith({}, (did) => ({
      workspace: {
        ...anyFolder(did),
        git() {
          throw errors.noGit();
        },
      },
    }));
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.match(
      stdout.join(""),
      /^bad {4}Cannot find git: .*\n {7}\(install .*\)\nok {5}\/state is/m,
    );
  });

  test("a setting that a turn would refuse is named", async () => {
    const { context, stdout } = stageWith({}, () => ({
      config: {
        settings() {
          throw errors.badSetting("permissions (/state/config.jsonc)", "ask", "it is deny");
        },
      },
    }));
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.match(stdout.join(""), /^bad {4}Cannot use "ask" for permissions.*\n +run: .* list$/m);
  });

  test("what several checks meet is told once", async () => {
    const broken = errors.badConfig("/state/config.jsonc", "line 1, column 2: a value is missing");
    const { context, stdout } = stageWith({}, () => ({
      config: {
        settings() {
          throw broken;
        },
      },
      sessions: { version: () => Promise.reject(broken) },
    }));
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.equal(stdout.join("").split(broken.message).length, 2);
  });

  test("a folder that is gone is one line, however many work in it, with what helps", async () => {
    const other = "github.com/shoko/kugetsu#15";
    const two = [{ key: REF, record: SESSION }, { key: other, record: SESSION }];
    const cases: [listing: Listing, whose: RegExp, advice: RegExp][] = [
      [
        ALL_WELL,
        /the base and github.*#14/,
        /run: kugetsu init --force\n +\(in its new place, for/,
      ],
      [
        { base: BASE, sessions: [] },
        /the base:/,
        /run: kugetsu init --force\n +\(in its new place\)/,
      ],
      [{ base: BASE, sessions: two }, /the base and 2 issues/, /run: kugetsu init --force\n/],
      [{ base: undefined, sessions: two }, /of 2 issues/, /^ +\(put the folder back\)/],
      [
        { base: undefined, sessions: two.slice(1) },
        /of github.*#15/,
        /run: kugetsu destroy ".*#15" -y\n +\(or put the folder back\)/,
      ],
    ];
    for (const [listing, whose, advice] of cases) {
      const { context, stdout } = stageWith({ listing }, (did) => ({
        workspace: {
          ...anyFolder(did),
          folder(path, what) {
            throw errors.noFolder(path, what, "there is no such folder");
          },
        },
      }));
      assert.equal(await doctor(context, {}), EXIT.environment);
      const [before, after, ...more] = stdout.join("").split("there is no such folder\n");
      assert.deepEqual(more, []);
      assert.match(before!, /^bad {4}Cannot use "\/repository", the folder of .*: $/m);
      assert.match(before!, whose);
      assert.match(after!, advice);
    }
  });

  test("a worktree that is missing is no trouble: it is made again", async () => {
    const worktree = { path: "/w", branch: "b", from: "c", repository: "/repository" };
    const record = { ...SESSION, directory: "/w", worktree };
    const { context } = stageWith(
      { listing: { base: BASE, sessions: [{ key: REF, record }] } },
      () => ({
        workspace: {
          ...anyFolder(() => {}),
          folder(path) {
            if (path === "/w") throw NO_FOLDER;
            return path;
          },
          standing: () => Promise.resolve({ kind: "gone" }),
        },
      }),
    );
    assert.equal(await doctor(context, {}), 0);
  });

  test("plugins that are left out are named with the command that helps", async () => {
    const { context, stdout } = stageWith({}, () => ({
      plugins: {},
      shelf: {
        examine: () =>
          Promise.resolve([{
            name: "acme",
            problem: "it was changed after it was trusted",
            next: "kugetsu plugin trust acme",
          }]),
      },
    }));
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.match(
      stdout.join(""),
      /^bad {4}the plugin "acme" is left out: it was changed .*\n {7}run: kugetsu plugin trust acme$/m,
    );
  });

  test("nothing sends to doctor itself", async () => {
    const { context, stdout } = stageWith({}, () => ({
      sessions: { version: () => Promise.reject(errors.opencodeFailed("ask", "no")) },
    }));
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.doesNotMatch(stdout.join(""), /kugetsu doctor$/m);
    const cause = Object.assign(new Error(), { code: "EACCES" });
    const unreadable = stageWith({}, () => ({
      traces: {
        issues: () => {
          throw errors.unreadable("/state/turns", cause);
        },
      },
    }));
    assert.equal(await doctor(unreadable.context, {}), EXIT.environment);
    const said = /^bad +Cannot read "\/state\/turns": permission denied.*\n +\(ls -l /m;
    assert.match(unreadable.stdout.join(""), said);
  });
});

describe("what is not as it should be", () => {
  test("is named, and nothing is done without --fix", async () => {
    const { context, effects, stdout } = stageWith({ findings: [INTERRUPTED] });
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.deepEqual(effects, ["examine", "find ses_1 ses_base"]);
    assert.match(
      stdout.join(""),
      /^bad {4}github.*#14: its turn was cut off; repair: mark it as failed\n +run: kugetsu doctor --fix$/m,
    );
  });

  test("is repaired with --fix, after what was left running is ended, and then looked at again", async () => {
    const { context, effects, stdout } = stageWith(
      { findings: [INTERRUPTED, ORPHAN] },
      (did) => ({ runner: runnerThat(did) }),
    );
    assert.equal(await doctor(context, { fix: true }), 0);
    assert.deepEqual(effects, [
      "examine",
      "end leftovers of turn-0",
      "repair",
      "examine",
      "find ses_1 ses_base",
    ]);
    assert.match(stdout.join(""), /^fixed {2}github.*; repaired: mark it as failed$/m);
  });

  test("is not repaired while processes of a cut-off turn would not end", async () => {
    const { context, effects, stdout } = stageWith({ findings: [INTERRUPTED] }, () => ({
      runner: { endLeftovers: () => Promise.resolve(1) },
    }));
    assert.equal(await doctor(context, { fix: true }), EXIT.environment);
    assert(!effects.includes("repair"));
    assert.match(stdout.join(""), /^bad +Cannot begin a turn: 1 processes of the cut-off turn/m);
  });

  test("is left as it is in a folder that cannot be written, and told", async () => {
    const findings: Finding[] = [INTERRUPTED, {
      kind: "unwritable",
      subject: "/state",
      what: "nothing can be written there",
      repair: "chmod u+rwx",
    }];
    const { context, effects, stdout } = stageWith({ findings });
    assert.equal(await doctor(context, { fix: true }), EXIT.environment);
    assert(!effects.includes("repair"));
    assert.match(stdout.join(""), /^bad {4}\/state: nothing can .*; repair: chmod u\+rwx\nok/m);
  });

  test("is a base's file: once rebuilt, what it lacks is asked of folder and opencode", async () => {
    const rebuilt: Finding = {
      kind: "base-mismatch",
      subject: "/state/sessions/base.json",
      what: "the base's file cannot be read",
      repair: "write what is known anew",
    };
    const { directory: _, ...bare } = BASE;
    const cases: [findings: Finding[], base: MadeSession, directory: string][] = [
      [[rebuilt], bare, "/repository"],
      [[rebuilt], { ...BASE, directory: "/known", branch: "mine" }, "/known"],
      [[INTERRUPTED], bare, ""],
      [[rebuilt], { ...BASE, opencode_version: "1.18.0" }, ""],
    ];
    for (const [findings, base, directory] of cases) {
      const recorded: MadeSession[] = [];
      const listing = { base, sessions: [] };
      const { context, stdout } = stageWith({ listing, findings }, (did) => ({
        store: {
          ...storeOf(did, listing, findings),
          setBase(record) {
            recorded.push(record);
            return Promise.resolve();
          },
        },
        runner: runnerThat(did),
        workspace: {
          ...anyFolder(did),
          head: () => Promise.resolve("0123abc"),
          branch: () => Promise.resolve("main"),
          remote: () => Promise.resolve("https://github.com/acme/widget.git"),
        },
      }));
      assert.equal(await doctor(context, { fix: true }), 0);
      const facts = { commit: "0123abc", branch: "main", repository: "github.com/acme/widget" };
      const whole = { opencode_version: "1.18.33", ...facts, directory, ...base };
      assert.deepEqual(recorded, directory ? [whole] : []);
      assert.equal(/^fixed +the base session ses_base: /m.test(stdout.join("")), directory !== "");
    }
  });

  test("harms nothing if it is an orphan, which is for prune to delete", async () => {
    for (const fix of [false, true]) {
      const { context, effects, stdout } = stageWith({ findings: [ORPHAN] });
      assert.equal(await doctor(context, { fix }), 0);
      assert(!effects.includes("repair"));
      assert.match(stdout.join(""), /^ok +x\.json: .* kugetsu prune --force deletes it$/m);
    }
  });

  test("is named with nothing in it that could move the cursor or hide", async () => {
    const bad = "a\x1b[31m\u202e\n.json";
    const { context, stdout, results } = stageWith({ findings: [{ ...ORPHAN, subject: bad }] });
    assert.equal(await doctor(context, {}), 0);
    assert.match(stdout.join(""), /^ok +a\\u\{001b\}\[31m\\u\{202e\}\\u\{000a\}\.json: /m);
    const { checks } = results[0] as { checks: { text: string }[] };
    assert(checks.some(({ text }) => text.startsWith(bad)), "JSON has it as it is");
  });

  test("is told without asking for sessions if the index cannot be read", async () => {
    const { context, effects } = stageWith({ findings: [DAMAGED] });
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.deepEqual(effects, ["examine"]);
    const fixed = stageWith({ findings: [DAMAGED] });
    assert.equal(await doctor(fixed.context, { fix: true }), 0);
    assert.deepEqual(fixed.effects, ["examine", "repair", "examine", "find ses_1 ses_base"]);
  });

  test("is what was accepted of an issue: put aside with --fix if it is damaged, and left if it cannot be read", async () => {
    const trace = { key: undefined, changed: 1, isOpen: true };
    const issues = () => [
      { ...trace, name: "bad", why: "bad.json is damaged", isDamaged: true },
      { ...trace, name: "far", why: "far.json cannot be read", isDamaged: false },
      { ...trace, name: "good", isOpen: false },
    ];
    for (const fix of [false, true]) {
      const { context, effects, stdout } = stageWith({}, (did) => ({
        traces: { issues, setAside: (name) => did(`set aside ${name}`) },
      }));
      assert.equal(await doctor(context, { fix }), EXIT.environment);
      assert.equal(effects.includes("set aside bad"), fix);
      const said = stdout.join("");
      assert.match(
        said,
        fix ? /^fixed +bad\.json/m : /^bad +bad\.json.*\n +run: kugetsu doctor --fix$/m,
      );
      assert.match(said, /^bad +far\.json cannot be read\n(?! +run)/m);
      assert.doesNotMatch(said, /good/);
    }
  });

  test("is a line of the report if it is an expected error, and a bug if it is not", async () => {
    const locked = errors.storeLocked("pid 7", 30);
    const storeFailing = (error: Error) =>
      stageWith({}, (did) => ({
        store: {
          ...storeOf(did, { base: undefined as MadeSession | undefined, sessions: [] }),
          examine: () => Promise.reject(error),
        },
      }));
    const { context, stdout } = storeFailing(locked);
    assert.equal(await doctor(context, {}), EXIT.environment);
    assert.match(stdout.join(""), /^bad +Cannot lock the state folder/m);
    await assert.rejects(doctor(storeFailing(new Error("a bug")).context, {}), /a bug/);
  });
});

test("turns that nobody can take up are a fault", async () => {
  const failure = errors.supervisorFailed("no room", "/state/log");
  const { context, stdout } = stageWith({}, () => ({
    supervisor: { wake: () => Promise.reject(failure) },
  }));
  assert.equal(await doctor(context, {}), EXIT.environment);
  assert.match(stdout.join(""), /^bad .*no room/m);
});
