/** Busy, or already there: exit status 4. */
import { type Advice, EXIT, make, oneLine, quote } from "./kugetsu_error.ts";

/** Whether it is `kugetsu attach`: a holder is named as `pid 7 (kugetsu attach, since 18:03:00)`. */
function isAttached(holder: string): boolean {
  return /\(kugetsu attach\b/.test(holder);
}

export const busy = {
  worktreeTaken: (ref: string, path: string, why: string, next: string, details?: string[]) =>
    make(
      "worktree-taken",
      EXIT.busy,
      `Cannot work on ${quote(ref)} in ${quote(path)}: ${why}`,
      { next, hint: "gives way to a new one; or keep what you need from it first" },
      undefined,
      details,
    ),
  branchTaken: (ref: string, branch: string, why: string, next: string, hint?: string) =>
    make("branch-taken", EXIT.busy, `Cannot work on ${quote(ref)} on ${quote(branch)}: ${why}`, {
      next,
      hint: hint ?? "then run the command again",
    }),
  baseExists: (id: string, repository?: string, headless = false) =>
    make(
      "base-exists",
      EXIT.busy,
      `Cannot make a base session${
        repository ? ` for ${repository}` : ""
      }: there is one already, ${id}`,
      {
        next: `kugetsu init --force${headless ? " --headless" : ""}`,
        hint: "replaces it once the new one is recorded",
      },
    ),
  /** A folder that is of no repository could only take the place of the default base. */
  baseElsewhere: (
    folder: string,
    { directory, repository }: { directory: string; repository?: string | undefined },
    headless: boolean,
  ) =>
    make(
      "base-exists",
      EXIT.busy,
      `Cannot make a base session in ${
        quote(folder)
      }: its origin names no repository, and the default base is there already, in ${
        quote(directory)
      }${repository ? ` for ${repository}` : ""}`,
      {
        hint: `with an origin it gets a base of its own; kugetsu init --force${
          headless ? " --headless" : ""
        } makes it the default base in place of that one`,
      },
    ),
  noBaseToRefresh: (folder: string, standing: string) =>
    make(
      "no-base",
      EXIT.notFound,
      `Cannot renew a base session in ${
        quote(folder)
      }: its origin names no repository, and the default base is in ${quote(standing)}`,
      { next: `kugetsu init --refresh --dir ${quote(standing)}`, hint: "renews the default base" },
    ),
  nothingAsked: (ref: string) =>
    make(
      "nothing-asked",
      EXIT.notFound,
      `Cannot answer ${quote(ref)}: it asks nothing`,
      `kugetsu status ${quote(ref)}`,
    ),
  wrongAnswer: (ref: string, why: string, advice: Advice) =>
    make("wrong-answer", EXIT.usage, `Cannot answer ${quote(ref)} so: ${oneLine(why)}`, advice),
  nothingToRetry: (ref: string) =>
    make(
      "nothing-to-retry",
      EXIT.notFound,
      `Cannot run the last message of ${quote(ref)} again: none is kept`,
      `kugetsu continue ${quote(ref)} "what to do"`,
    ),
  turnUnknown: (ref: string) =>
    make(
      "turn-unknown",
      EXIT.environment,
      `Cannot tell how the turn for ${quote(ref)} ended: it is not on record`,
      "kugetsu list",
    ),
  sessionExists: (ref: string) =>
    make(
      "session-exists",
      EXIT.busy,
      `Cannot start ${quote(ref)}: it has a session already`,
      `kugetsu continue ${quote(ref)} "what to do"`,
    ),
  sessionMapped: (id: string, ref: string) =>
    make(
      "session-mapped",
      EXIT.busy,
      `Cannot make ${id} the base: it is the session of ${quote(ref)}`,
      {
        next: "kugetsu init --headless",
        hint: "makes a base of its own",
      },
    ),
  notIndexed: (ref: string, file: string) =>
    make(
      "not-indexed",
      EXIT.busy,
      `Cannot start ${quote(ref)}: ${quote(file)} holds a session for it that is not in the index`,
      { next: "kugetsu doctor --fix", hint: "adopts it; kugetsu prune --force deletes the file" },
    ),
  pluginExists: (name: string, builtIn: boolean) =>
    make(
      "plugin-exists",
      EXIT.busy,
      `Cannot add the plugin ${quote(name)}: there is one of that name${
        builtIn ? ", which is built in" : ""
      }`,
      builtIn ? { hint: "give it another name" } : `kugetsu plugin update ${name}`,
    ),
  folderExists: (folder: string) =>
    make("folder-exists", EXIT.busy, `Cannot write to ${quote(folder)}: it is there already`, {
      hint: "choose another name, or another place",
    }),
  /** `attach` holds an issue as a turn does, but no turn is there to be stopped. */
  turnRunning: (ref: string, holder: string) =>
    isAttached(holder)
      ? make(
        "turn-running",
        EXIT.busy,
        `Cannot work on ${quote(ref)}: opencode's interface is open on it, held by ${holder}`,
        { hint: "leave it there, and run the command again" },
      )
      : make(
        "turn-running",
        EXIT.busy,
        `Cannot work on ${quote(ref)}: a turn is running, held by ${holder}`,
        { next: `kugetsu status ${quote(ref)}`, hint: `kugetsu stop ${quote(ref)} ends it` },
      ),
  storeLocked: (holder: string, seconds: number) =>
    make(
      "store-locked",
      EXIT.busy,
      `Cannot lock the state folder within ${seconds} s: it is held by ${holder}`,
      { hint: "run the command again" },
    ),
} as const;
