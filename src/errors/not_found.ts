/** No such session, base, issue or plugin: exit status 3. */
import { type Advice, EXIT, make, oneLine, quote, shorten } from "./kugetsu_error.ts";

/** What each kind of a forge's failure means. */
const FORGE_FAILURES = {
  "not-found": {
    code: "no-issue",
    exit: EXIT.notFound,
    hint: "look at the repository and the number",
  },
  "gone": { code: "issue-gone", exit: EXIT.notFound, hint: "it was deleted or moved" },
  "no-permission": {
    code: "forge-denied",
    exit: EXIT.environment,
    hint: "a token that may do so helps: README, Forges",
  },
  "pull-request": { code: "not-an-issue", exit: EXIT.usage, hint: "name an issue" },
  "rate-limited": {
    code: "rate-limited",
    exit: EXIT.environment,
    hint: "wait, or set a token: README, Forges",
  },
  "unreachable": {
    code: "forge-unreachable",
    exit: EXIT.environment,
    hint: "look at the network, the proxy and the host's name",
  },
  "failed": { code: "forge-failed", exit: EXIT.environment, hint: "try again later" },
} as const;

export const notFound = {
  noBase: () =>
    make(
      "no-base",
      EXIT.notFound,
      "Cannot start: there is no base session yet",
      { next: "kugetsu init", hint: "without a terminal: kugetsu init --headless" },
    ),
  noBaseToDestroy: (repository?: string) =>
    make(
      "no-base",
      EXIT.notFound,
      `Cannot destroy the base${repository ? ` of ${repository}` : ""}: there is none`,
      "kugetsu list",
    ),
  noBaseOf: (repository: string, next: string) =>
    make("no-base", EXIT.notFound, `Cannot find a base session for ${quote(repository)}`, next),
  foreignBase: (ref: string, repository: string, folder: string, base: string) =>
    make(
      "foreign-base",
      EXIT.notFound,
      `Cannot start ${quote(ref)}: there is no base for ${repository}, and the default one in ${
        quote(folder)
      } is of ${base}`,
      {
        next: `kugetsu init --headless --dir CLONE`,
        hint:
          `where CLONE is a folder with a clone of ${repository}; --base default uses the default one all the same`,
      },
    ),
  noWorktree: (ref: string, folder: string) =>
    make(
      "no-worktree",
      EXIT.notFound,
      `Cannot tell what ${quote(ref)} changed: it has no worktree of its own`,
      { next: `git -C ${quote(folder)} diff`, hint: "shows what all have changed in the folder" },
    ),
  noSession: (ref: string) =>
    make(
      "no-session",
      EXIT.notFound,
      `Cannot find a session for ${quote(ref)}`,
      {
        next: `kugetsu start ${quote(ref)} "what to do"`,
        hint: "kugetsu list shows what there is",
      },
    ),
  noSessionToDestroy: (ref: string) =>
    make(
      "no-session",
      EXIT.notFound,
      `Cannot destroy the session of ${quote(ref)}: there is none`,
      "kugetsu list",
    ),
  noCursor: (cursor: string) =>
    make(
      "no-cursor",
      EXIT.notFound,
      `Cannot go on after ${quote(cursor)}: the events behind it are no longer kept`,
      {
        next: "kugetsu events",
        hint: "begins anew, with the state of every issue before the oldest event that is kept",
      },
    ),
  noSuchOpencodeSession: (id: string, advice: Advice) =>
    make("no-opencode-session", EXIT.notFound, `Cannot find session ${id} in opencode`, advice),
  noPlugin: (name: string) =>
    make(
      "no-plugin",
      EXIT.notFound,
      `Cannot find a plugin ${quote(shorten(name))}`,
      "kugetsu plugin list",
    ),
  forgeFailed: (
    ref: string,
    plugin: string,
    kind: keyof typeof FORGE_FAILURES | undefined,
    why: string,
    action: "ask about" | "comment on" = "ask about",
  ) => {
    const { code, exit, hint } = FORGE_FAILURES[kind ?? "failed"] ?? FORGE_FAILURES.failed;
    const next = kind === undefined ? `kugetsu plugin info ${plugin}` : undefined;
    return make(code, exit, `Cannot ${action} ${quote(ref)}: ${oneLine(why)}`, { next, hint });
  },
} as const;
