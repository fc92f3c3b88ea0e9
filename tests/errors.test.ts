import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { COMMANDS } from "../src/cli/commands.ts";
import { errors, EXIT, KugetsuError, partsOf, reasonOf } from "../src/errors.ts";

const CAUSE = Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" });
const REF = "github.com/shoko/kugetsu#14";
const PATH = "/state/index.json";
const BAD = { kind: "failed", words: "failed: no credit", advice: "kugetsu status" };

/** What a script does is the same, whatever could not be done. */
const SHARED = ["base-exists", "no-base", "no-session", "no-terminal"];

/** One of each. An entry that is left out does not compile. */
const EVERY: Record<keyof typeof errors, KugetsuError> = {
  usage: errors.usage("Cannot do both"),
  badRef: errors.badRef("x", "it is empty"),
  badRepository: errors.badRepository("kugetsu"),
  noOrigin: errors.noOrigin("14", "/repository", "it has no origin"),
  noMessage: errors.noMessage("git.example.org", "kugetsu start 14"),
  emptyMessage: errors.emptyMessage("the message"),
  badSessionId: errors.badSessionId("mine"),
  noText: errors.noText("standard input"),
  tooMuchText: errors.tooMuchText("standard input", 8 * 1024 * 1024),
  badConfig: errors.badConfig(PATH, "line 3: CommaExpected"),
  badSetting: errors.badSetting("model", "x", "a model is written provider/model"),
  unknownSetting: errors.unknownSetting("modle", "model"),
  badCursor: errors.badCursor("yesterday"),
  noCursor: errors.noCursor("000001-5e0c1a-3120"),
  badRevision: errors.badRevision("v9", "/clone"),
  noRepository: errors.noRepository("/folder", "it has no commit yet"),
  worktreeImpossible: errors.worktreeImpossible("this runner cannot move a fork"),
  noForge: errors.noForge("git.example.org", "no plugin speaks for it"),
  unknownForge: errors.unknownForge("git.example.org", "gitlob"),
  hostUnreachable: errors.hostUnreachable("git.example.org", "it did not answer"),
  tokenUnset: errors.tokenUnset("git.example.org", "MY_TOKEN"),
  twoForges: errors.twoForges("git.example.org", ["one", "two"]),
  badPlugin: errors.badPlugin("x.txt", "it is neither a .ts or .js file nor executable"),
  noPlugin: errors.noPlugin("acme"),
  forgeFailed: errors.forgeFailed(REF, "github", "not-found", "there is no such issue"),
  pluginExists: errors.pluginExists("acme", false),
  folderExists: errors.folderExists("/here/acme"),
  pluginUnloadable: errors.pluginUnloadable("acme", "SyntaxError"),
  pluginFailsCheck: errors.pluginFailsCheck("acme", 2),
  tokenCommandFailed: errors.tokenCommandFailed("git.example.org"),
  pluginRefused: errors.pluginRefused("acme", "pre-start", "not now"),
  hookFailed: errors.hookFailed("acme", "pre-start", "it took longer than 30 s"),
  issueClosed: errors.issueClosed(REF),
  noBase: errors.noBase(),
  noBaseOf: errors.noBaseOf("github.com/shoko/kugetsu", "kugetsu init"),
  foreignBase: errors.foreignBase(
    REF,
    "github.com/shoko/kugetsu",
    "/clone",
    "github.com/acme/widget",
  ),
  noWorktree: errors.noWorktree(REF, "/clone"),
  noBaseToDestroy: errors.noBaseToDestroy(),
  noSession: errors.noSession(REF),
  noSessionToDestroy: errors.noSessionToDestroy(REF),
  noSuchOpencodeSession: errors.noSuchOpencodeSession("ses_1", "opencode session list"),
  baseExists: errors.baseExists("ses_1"),
  baseElsewhere: errors.baseElsewhere("/plain", { directory: "/repository" }, true),
  noBaseToRefresh: errors.noBaseToRefresh("/tmp", "/repository"),
  nothingAsked: errors.nothingAsked(REF),
  turnUnknown: errors.turnUnknown(REF),
  worktreeTaken: errors.worktreeTaken(REF, "/worktree", "it has changes", "git worktree list"),
  branchTaken: errors.branchTaken(REF, "kugetsu/x", "it is checked out", "git worktree list"),
  sessionExists: errors.sessionExists(REF),
  sessionMapped: errors.sessionMapped("ses_1", REF),
  notIndexed: errors.notIndexed(REF, PATH),
  turnRunning: errors.turnRunning(REF, "pid 7"),
  storeLocked: errors.storeLocked("pid 7", 30),
  noTerminal: errors.noTerminal(),
  noCurrentFolder: errors.noCurrentFolder(CAUSE),
  noOpencode: errors.noOpencode("it is not on PATH"),
  opencodeTooOld: errors.opencodeTooOld("1.0.0", "1.18.0"),
  opencodeFailed: errors.opencodeFailed("ask opencode", "it exited with 1"),
  noGit: errors.noGit(),
  gitFailed: errors.gitFailed("ask git", "it exited with 1"),
  setupFailed: errors.setupFailed(REF, "it ended with exit status 1", "/log"),
  noFolder: errors.noFolder("/gone", "the session's folder", "there is no such folder"),
  wrongFolder: errors.wrongFolder("ses_1", "/found", "/wanted"),
  unwritable: errors.unwritable(PATH, CAUSE),
  uncertain: errors.uncertain(PATH, CAUSE),
  unreadable: errors.unreadable(PATH, CAUSE),
  unreadableFile: errors.unreadableFile("task.md", CAUSE),
  unreadableInput: errors.unreadableInput(CAUSE),
  pathTooLong: errors.pathTooLong(PATH, 100),
  supervisorFailed: errors.supervisorFailed("it ended with 1", PATH),
  supervisorOlder: errors.supervisorOlder("it does not understand this version"),
  supervisorBusy: errors.supervisorBusy(2, ["github.com/a/b#1"]),
  noSystemd: errors.noSystemd(),
  serviceFailed: errors.serviceFailed("Unit kugetsu.service is masked."),
  serviceForeign: errors.serviceForeign(PATH, "write"),
  damagedRecord: errors.damagedRecord(PATH, "it is not JSON"),
  networkFolder: errors.networkFolder("/net", "NFS"),
  notInstalled: errors.notInstalled("/usr/bin/deno"),
  installFailed: errors.installFailed(EXIT.refused, "Refused it", "a detail", "kugetsu upgrade"),
  leftoversAlive: errors.leftoversAlive("t1", 2),
  turnEnded: errors.turnEnded(REF, BAD, EXIT.failed),
  wrongAnswer: errors.wrongAnswer(REF, "it asks a question", "kugetsu answer 14 yes"),
  nothingToRetry: errors.nothingToRetry(REF),
  alreadyDone: errors.alreadyDone(REF),
  nothingToWatch: errors.nothingToWatch(),
  waitingForAnswer: errors.waitingForAnswer(REF, "bash (rm)", "kugetsu answer 14 --allow"),
  severalEnded: errors.severalEnded(
    { code: "turn-stalled", exit: EXIT.stalled, message: "It stalled", next: "kugetsu status" },
    ["another one"],
  ),
  noTerminalToAttach: errors.noTerminalToAttach(REF),
  waitTimeout: errors.waitTimeout([REF], "30m", undefined),
  wouldNotDie: errors.wouldNotDie([REF], [12]),
  stopped: errors.stopped("ask opencode", "SIGINT"),
  startStopped: errors.startStopped(REF, "SIGINT"),
  baseTurnEnded: errors.baseTurnEnded("failed: no credit", "ses_1", EXIT.failed),
  indexDamaged: errors.indexDamaged(PATH, "it is not JSON"),
  worktreeUnsaved: errors.worktreeUnsaved(
    "destroy it",
    ["untracked: x"],
    "kugetsu destroy 14 --discard",
  ),
  worktreeLocked: errors.worktreeLocked("destroy it", "/worktree", "mine", "git worktree unlock x"),
  worktreeForeign: errors.worktreeForeign("/worktree", "it is not ours", { hint: "put it back" }),
  copyRefused: errors.copyRefused(".env", "it is not a file"),
  notConfirmed: errors.notConfirmed("destroy it", "kugetsu destroy 14 -y"),
  unguarded: errors.unguarded("bash"),
  fileTaken: errors.fileTaken(PATH, "another issue"),
};

const ALL = Object.entries(EVERY);

describe("every error of the catalogue", () => {
  test("is said in one line that begins with a capital and ends without a full stop", () => {
    for (const [name, { message }] of ALL) assert.match(message, /^[A-Z][^\n]*[^.\n]$/, name);
  });

  test("has an exit status that is documented for errors", () => {
    const documented: number[] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 130, 143];
    for (const [name, { exit }] of ALL) assert(documented.includes(exit), name);
  });

  test("has a code of its own, in plain words", () => {
    for (const [name, { code }] of ALL) assert.match(code, /^[a-z]+(-[a-z]+)*$/, name);
    const codes = ALL.map(([, { code }]) => code).filter((code) => !SHARED.includes(code));
    assert.equal(new Set(codes).size, codes.length);
  });

  test("says what to do next, and a command of kugetsu that it names exists", () => {
    for (const [name, { next, hint }] of ALL) {
      assert(next || hint, name);
      for (const text of [next, hint]) {
        const [, called] = /\bkugetsu ([a-z]+)/.exec(text ?? "") ?? [];
        assert(called === undefined || Object.hasOwn(COMMANDS, called), `${name}: ${text}`);
      }
      assert(
        next === undefined || /^(kugetsu|opencode|npm|git|cat|mv|kill) /.test(next),
        `${name}: ${next}`,
      );
    }
  });

  test("that was caused by a failed call names the call's reason, and keeps the cause", () => {
    for (const name of ["unwritable", "uncertain", "unreadable"] as const) {
      assert.match(EVERY[name].message, /the disk reported an input\/output error \(EIO\)/);
      assert.equal(EVERY[name].cause, CAUSE);
    }
    assert(!("cause" in EVERY.noBase));
  });
});

test("an error quotes what it is about so that it can neither end the line nor write to the terminal", () => {
  const odd = 'a"b\n\x1b[31m';
  for (
    const error of [
      errors.badRef(odd, "it is odd"),
      errors.noOrigin(odd, odd, "it is odd"),
      errors.badConfig(odd, "it is odd"),
      errors.badSetting("model", odd, "it is odd"),
      errors.unknownSetting(odd, odd),
      errors.noFolder(odd, "the session's folder", "it is not a folder"),
      errors.unreadable(odd, CAUSE),
    ]
  ) {
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f]/.test(error.message), error.message);
    assert(error.message.includes('"a\\"b\\n\\u001b[31m"'), error.message);
  }
});

test("what is typed is not repeated without end", () => {
  assert(errors.badRef("x".repeat(100_000), "it is too long").message.length < 300);
});

test("a turn that did not end well says how, and what helps", () => {
  const { code, exit, message, next } = errors.turnEnded(REF, BAD, EXIT.failed);
  assert.deepEqual([code, exit, next], ["turn-failed", 6, "kugetsu status"]);
  assert.equal(message, `The turn for "${REF}" failed: no credit`);
});

test("advice is a command, or words about it, or both", () => {
  const { next, hint } = errors.usage("Cannot", { next: "kugetsu list", hint: "shows all" });
  assert.deepEqual([next, hint], ["kugetsu list", "shows all"]);
  const plain = errors.usage("Cannot");
  assert.deepEqual([plain.next, plain.hint], ["kugetsu --help", undefined]);
});

test("an issue that somebody is attached to is left, not stopped", () => {
  const { code, message, next, hint } = errors.turnRunning(
    REF,
    "pid 7 (kugetsu attach, since 18:03:00)",
  );
  assert.deepEqual([code, next], ["turn-running", undefined]);
  assert.match(message, /opencode's interface is open on it, held by pid 7 \(kugetsu attach/);
  assert.doesNotMatch(hint!, /stop/);
});

test("the reason of a failed call is in words where there are some", () => {
  const withCode = (code: string) => Object.assign(new Error(`${code}: whatever`), { code });
  const reasons: [cause: unknown, words: string][] = [
    [withCode("ENOSPC"), "no space left on the device (ENOSPC)"],
    [withCode("EACCES"), "permission denied (EACCES)"],
    [withCode("ENOENT"), "no such file or folder (ENOENT)"],
    [withCode("ELOOP"), "ELOOP: whatever"],
    [new Error("plain"), "plain"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
  ];
  for (const [cause, words] of reasons) assert.equal(reasonOf(cause), words);
});

test("an error has the same parts in another process; what is no error of ours is a bug, and said to be", () => {
  for (const [name, error] of ALL) {
    const again = new KugetsuError(JSON.parse(JSON.stringify(partsOf(error))));
    const { cause: _, ...parts } = error;
    assert.deepEqual({ ...again }, { ...parts }, name);
    assert.equal(again.message, error.message);
  }
  const bug = partsOf(new TypeError("x is not a function"));
  assert.deepEqual([bug.code, bug.exit], ["internal", 1]);
  assert.match(bug.message, /inside kugetsu: x is not a function$/);
});
