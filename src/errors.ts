/**
 * Every error kugetsu can end with: its code, exit status, message, and the command to run next.
 *
 * Messages name the action first, then the thing in quotes, then what was found; they never hold a
 * prompt or a token. Exit statuses mean the same for every command (README, "Exit codes").
 */

/** Exit statuses, the same for every command. */
export const EXIT = {
  ok: 0,
  internal: 1,
  usage: 2,
  notFound: 3,
  busy: 4,
  environment: 5,
  failed: 6,
  blocked: 7,
  stalled: 8,
  refused: 9,
  waited: 10,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** What an error is made of. `next` is a command that helps, `hint` says more, or what to do where none does. */
export interface ErrorParts {
  code: string;
  exit: ExitStatus;
  message: string;
  next?: string | undefined;
  hint?: string | undefined;
  /** What the message speaks of, one line each. */
  details?: string[] | undefined;
  cause?: unknown;
}

/** An expected failure. Anything else that is thrown is a bug and ends with exit status 1. */
export class KugetsuError extends Error {
  override readonly name = "KugetsuError";
  readonly code: string;
  readonly exit: ExitStatus;
  readonly next: string | undefined;
  readonly hint: string | undefined;
  readonly details: readonly string[] | undefined;

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.exit = parts.exit;
    this.next = parts.next;
    this.hint = parts.hint;
    this.details = parts.details;
  }
}

/** An error as it goes from one process to another. What is no KugetsuError is a bug. */
export function partsOf(error: unknown): ErrorParts {
  if (!(error instanceof KugetsuError)) {
    const message = `Something went wrong inside kugetsu: ${reasonOf(error)}`;
    return { code: "internal", exit: EXIT.internal, message };
  }
  const { code, exit, message, next, hint, details } = error;
  return { code, exit, message, next, hint, details: details && [...details] };
}

/** The signals that stop a command. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** An outcome in words, as session/outcome.ts has it. */
interface EndedBadly {
  kind: string;
  words: string;
  advice: Advice;
}

/** What helps: a command alone, or with something said about it. */
export type Advice = string | { next?: string | undefined; hint?: string | undefined };

const quote = (text: string) => JSON.stringify(text);

export const GENERAL_HELP = "kugetsu --help";

const EXAMPLE = "github.com/shoko/kugetsu#14";

/** The catalogue. Each entry builds one error; callers throw what it returns. */
export const errors = {
  // Bad usage: 2
  /** Without advice, the help of the command that was called: cli/run.ts knows which. */
  usage: (message: string, advice: Advice = GENERAL_HELP) =>
    make("usage", EXIT.usage, message, advice),
  badRef: (text: string, why: string) =>
    make(
      "bad-ref",
      EXIT.usage,
      `Cannot read the issue ref ${quote(shorten(text))}: ${why}`,
      { hint: `write it as instance/user/repo#number, for example ${EXAMPLE}` },
    ),
  badRepository: (text: string) =>
    make(
      "bad-repository",
      EXIT.usage,
      `Cannot read the repository ${
        quote(shorten(text))
      }: an instance, a user and a name are needed`,
      { hint: `write it as instance/user/repo, for example ${EXAMPLE.split("#")[0]}` },
    ),
  noOrigin: (text: string, folder: string, why: string) =>
    make(
      "no-origin",
      EXIT.usage,
      `Cannot read the issue ref ${quote(text)} in ${quote(folder)}: ${why}`,
      { hint: `name the repository too, for example ${EXAMPLE}` },
    ),
  noMessage: (host: string, next: string) =>
    make(
      "no-message",
      EXIT.usage,
      `Cannot begin a turn: no message was given, and no plugin knows the forge of ${quote(host)}`,
      next,
    ),
  emptyMessage: (what: string) =>
    make("empty-message", EXIT.usage, `Cannot send ${what}: it is empty`, {
      hint: 'say what to do, for example "fix the login"',
    }),
  badSessionId: (text: string) =>
    make(
      "bad-session-id",
      EXIT.usage,
      `Cannot adopt ${quote(shorten(text))}: it is not the id of a session, as in ses_abc123`,
      { next: "opencode session list", hint: "shows the sessions that there are" },
    ),
  tooMuchText: (what: string, most: number) =>
    make(
      "too-much-text",
      EXIT.usage,
      `Cannot send ${what}: it has more than ${most / (1024 * 1024)} MiB`,
      { hint: "put it into a file that the agent can read, and name that" },
    ),
  noText: (what: string) =>
    make("no-text", EXIT.usage, `Cannot send ${what}: it is not text in UTF-8`, {
      hint: "write it as UTF-8, or name the file in the message",
    }),
  badConfig: (path: string, why: string, next = "kugetsu config path") =>
    make("bad-config", EXIT.usage, `Cannot use the configuration ${quote(path)}: ${why}`, next),
  badSetting: (name: string, value: string, why: string) =>
    make(
      "bad-setting",
      EXIT.usage,
      `Cannot use ${quote(value)} for ${name}: ${why}`,
      name.startsWith("--") ? "kugetsu start --help" : "kugetsu config list",
    ),
  unknownSetting: (name: string, nearest?: string) =>
    make(
      "unknown-setting",
      EXIT.usage,
      `Cannot find a setting ${quote(name)}${nearest ? `: did you mean ${quote(nearest)}?` : ""}`,
      "kugetsu config list",
    ),
  noForge: (host: string, why: string) =>
    make("no-forge", EXIT.usage, `Cannot find the forge of ${quote(host)}: ${why}`, {
      next: "kugetsu plugin list",
      hint: "or name it in config.jsonc, under instances",
    }),
  unknownForge: (host: string, forge: string) =>
    make(
      "unknown-forge",
      EXIT.usage,
      `Cannot find the forge of ${quote(host)}: config names ${quote(forge)}, which no plugin has`,
      {
        next: "kugetsu plugin list",
        hint: "instances in config.jsonc says which forge a host has",
      },
    ),
  twoForges: (host: string, plugins: string[]) =>
    make(
      "two-forges",
      EXIT.usage,
      `Cannot choose the forge of ${quote(host)}: ${plugins.map(quote).join(" and ")} claim it`,
      {
        next: "kugetsu config path",
        hint: `name one there: "instances": {"${host}": {"forge": …}}`,
      },
    ),
  badPlugin: (source: string, why: string, next = "kugetsu plugin --help") =>
    make(
      "bad-plugin",
      EXIT.usage,
      `Cannot take ${quote(shorten(source))} as a plugin: ${oneLine(why)}`,
      next,
    ),

  badCursor: (text: string) =>
    make(
      "bad-cursor",
      EXIT.usage,
      `Cannot go on after ${quote(shorten(text))}: it is no cursor of an event`,
      { next: "kugetsu events", hint: 'its lines have one each, "cursor"; take the last one seen' },
    ),
  badRevision: (rev: string, folder: string) =>
    make(
      "bad-revision",
      EXIT.usage,
      `Cannot begin at ${quote(rev)}: there is no such commit in ${quote(folder)}`,
      { next: `git -C ${quote(folder)} log --oneline --all`, hint: "fetch it first, if it is new" },
    ),
  noRepository: (folder: string, why: string) =>
    make("no-repository", EXIT.usage, `Cannot make a worktree of ${quote(folder)}: ${why}`, {
      hint: "with --shared the work is done in the base's folder itself",
    }),
  worktreeImpossible: (why: string) =>
    make("worktree-impossible", EXIT.usage, `Cannot use a worktree: ${why}`, {
      hint: "with --shared the work is done in the base's folder itself",
    }),

  // No such session or base: 3
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

  // Busy or already there: 4
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

  // Environment: 5
  nothingToWatch: () =>
    make(
      "no-screen",
      EXIT.environment,
      "Cannot show the states in place: standard output is not a terminal",
      { next: "kugetsu status --json", hint: "kugetsu wait returns when turns are over" },
    ),
  noTerminal: () =>
    make(
      "no-terminal",
      EXIT.environment,
      "Cannot open opencode's interface: this is not a terminal",
      {
        next: "kugetsu init --headless",
        hint: "makes a base session without one; kugetsu init --session ID adopts one",
      },
    ),
  noTerminalToAttach: (ref: string) =>
    make(
      "no-terminal",
      EXIT.environment,
      `Cannot open opencode's interface on ${quote(ref)}: this is not a terminal`,
      {
        next: `kugetsu attach ${quote(ref)} --print`,
        hint: "prints the call for another machine's terminal",
      },
    ),
  noOpencode: (looked: string) =>
    make(
      "no-opencode",
      EXIT.environment,
      `Cannot find opencode: ${looked}`,
      { next: "npm install -g opencode-ai", hint: "or set KUGETSU_OPENCODE to the executable" },
    ),
  opencodeTooOld: (found: string, needed: string) =>
    make(
      "opencode-too-old",
      EXIT.environment,
      `Cannot work with opencode ${found}: ${needed} or newer is needed`,
      "opencode upgrade",
    ),
  noGit: () =>
    make("no-git", EXIT.environment, "Cannot find git: it is not in an absolute folder on PATH", {
      hint: "install your system's package git; a whole ref, as in " + EXAMPLE + ", needs none",
    }),
  gitFailed: (action: string, why: string) =>
    make("git-failed", EXIT.environment, `Cannot ${action}: ${why}`, "kugetsu doctor"),
  setupFailed: (ref: string, why: string, log: string) =>
    make(
      "setup-failed",
      EXIT.environment,
      `Cannot get the worktree of ${quote(ref)} ready with worktree.setup: ${why}`,
      {
        next: `cat ${quote(log)}`,
        hint: `the worktree was taken back; kugetsu retry ${
          quote(ref)
        } makes it anew, with the settings of then`,
      },
    ),
  opencodeFailed: (action: string, why: string) =>
    make("opencode-failed", EXIT.environment, `Cannot ${action}: ${why}`, "kugetsu doctor"),
  noFolder: (folder: string, what: string, why: string, next?: string) =>
    make(
      "no-folder",
      EXIT.environment,
      `Cannot use ${quote(folder)}, ${what}: ${why}`,
      { next, hint: next ? "or put the folder back" : "name a folder that is there" },
    ),
  noCurrentFolder: (cause: unknown) =>
    make(
      "no-current-folder",
      EXIT.environment,
      "Cannot work in the current folder: it was deleted, or may not be entered",
      { hint: "change to another one with cd, and run the command again" },
      cause,
    ),
  wrongFolder: (id: string, found: string, wanted: string) =>
    make(
      "wrong-folder",
      EXIT.environment,
      `Cannot use session ${id} in ${quote(wanted)}: it belongs to ${quote(found)}`,
      `kugetsu init --session ${id} --dir ${quote(found)}`,
    ),
  unwritable: (path: string, cause: unknown) =>
    make(
      "unwritable",
      EXIT.environment,
      `Cannot write ${quote(path)}: ${reasonOf(cause)}; what was there is unchanged`,
      "kugetsu doctor",
      cause,
    ),
  uncertain: (path: string, cause: unknown) =>
    make(
      "durability-uncertain",
      EXIT.environment,
      `Wrote ${quote(path)}, but cannot tell whether it would survive a power cut: ${
        reasonOf(cause)
      }`,
      "kugetsu doctor",
      cause,
    ),
  unreadable: (path: string, cause: unknown) =>
    make(
      "unreadable",
      EXIT.environment,
      `Cannot read ${quote(path)}: ${reasonOf(cause)}`,
      { next: "kugetsu doctor", hint: "ls -l shows what it is, and whose" },
      cause,
    ),
  unreadableFile: (path: string, cause: unknown) =>
    make(
      "unreadable-file",
      EXIT.environment,
      `Cannot read ${quote(path)}: ${reasonOf(cause)}`,
      { hint: "name a file that is there and may be read" },
      cause,
    ),
  pathTooLong: (path: string, longest: number) =>
    make(
      "path-too-long",
      EXIT.environment,
      `Cannot make the socket ${quote(path)}: its path is longer than ${longest} bytes`,
      { hint: "set KUGETSU_HOME to a folder with a shorter path" },
    ),
  supervisorFailed: (why: string, log: string) =>
    make(
      "supervisor-failed",
      EXIT.environment,
      `Cannot reach the supervisor: ${why}`,
      { hint: `${quote(log)} may say why` },
    ),
  supervisorOlder: (why: string) =>
    make(
      "supervisor-older",
      EXIT.busy,
      `Cannot use the supervisor that runs: ${why}`,
      { next: "kugetsu supervisor restart", hint: "turns on opencode's server go on meanwhile" },
    ),
  supervisorBusy: (turns: number) =>
    make(
      "supervisor-busy",
      EXIT.busy,
      `Cannot end the supervisor: ${turns === 1 ? "a turn is" : `${turns} turns are`} not over`,
      {
        next: "kugetsu supervisor status",
        hint: "shows which; kugetsu supervisor stop --force stops them",
      },
    ),
  noSystemd: () =>
    make(
      "no-systemd",
      EXIT.environment,
      "Cannot install the service: there is no systemctl on PATH",
      {
        next: "kugetsu supervisor restart",
        hint:
          "starts a supervisor, say when the machine starts; a command that needs one starts it too",
      },
    ),
  serviceFailed: (why: string) =>
    make(
      "service-failed",
      EXIT.environment,
      `Cannot start the service: ${oneLine(why)}`,
      { hint: "systemctl --user status kugetsu.service says more; its unit is written" },
    ),
  damagedRecord: (path: string, why: string) =>
    make(
      "damaged-record",
      EXIT.environment,
      `Cannot read the session file ${quote(path)}: ${why}`,
      { next: "kugetsu doctor --fix", hint: "keeps a copy of it" },
    ),
  networkFolder: (path: string, kind: string) =>
    make(
      "network-folder",
      EXIT.environment,
      `Cannot keep state in ${
        quote(path)
      }: it is on a network file system (${kind}), where locks cannot be trusted`,
      { hint: "set KUGETSU_HOME to a folder on a local disk" },
    ),
  pluginUnloadable: (name: string, why: string, next?: string) =>
    make(
      "plugin-unloadable",
      EXIT.environment,
      `Cannot load the plugin ${quote(name)}: ${oneLine(why)}`,
      next ?? { hint: "what it prints on standard error is shown with --debug" },
    ),
  pluginFailsCheck: (name: string, failures: number) =>
    make(
      "plugin-fails-check",
      EXIT.environment,
      `The plugin ${quote(name)} is not as it should be: ${failures} of its checks fail`,
      { hint: "correct it, and check it again" },
    ),
  hostUnreachable: (host: string, why: string) =>
    make(
      "forge-unreachable",
      EXIT.environment,
      `Cannot find out what forge ${quote(host)} has: ${oneLine(why)}`,
      { hint: "instances in config.jsonc can say so" },
    ),
  tokenUnset: (host: string, variable: string) =>
    make(
      "token-unset",
      EXIT.environment,
      `Cannot get a token for ${quote(host)}: ${variable}, which config names for it, is not set`,
      { hint: `set ${variable}, or take token_variable out of config.jsonc` },
    ),
  tokenCommandFailed: (host: string) =>
    make(
      "token-command-failed",
      EXIT.environment,
      `Cannot get a token for ${quote(host)}: its token_command failed or printed nothing`,
      { next: "kugetsu config path", hint: "run the command that stands there" },
    ),

  notInstalled: (executable: string) =>
    make(
      "not-installed",
      EXIT.environment,
      `Cannot replace or remove ${quote(executable)}: it is not an executable called kugetsu`,
      { hint: "in a checkout, sh install.sh installs what is there" },
    ),
  /** `detail` is what programs said that the installer called. */
  installFailed: (exit: ExitStatus, message: string, detail: string, next?: string) =>
    make("install-failed", exit, detail ? `${message}: ${shorten(detail)}` : message, { next }),

  leftoversAlive: (turn: string, count: number) =>
    make(
      "leftovers-alive",
      EXIT.environment,
      `Cannot begin a turn: ${count} processes of the cut-off turn ${turn} would not end`,
      { hint: "end them, then run the command again" },
    ),

  // How a turn can end other than well: 6, 7, 8, 130, 143
  turnEnded: (ref: string, { kind, words, advice }: EndedBadly, exit: ExitStatus) =>
    make(`turn-${kind}`, exit, `The turn for ${quote(ref)} ${words}`, advice),

  waitingForAnswer: (ref: string, what: string, advice: Advice) =>
    make(
      "turn-asks",
      EXIT.blocked,
      `The turn for ${quote(ref)} waits for an answer: ${oneLine(what)}`,
      advice,
    ),
  /** Of several turns, `worst` is what counts. */
  severalEnded: (worst: ErrorParts, details: string[] | undefined) =>
    new KugetsuError({ ...worst, details: details ?? worst.details }),
  waitTimeout: (refs: string[], waited: string, details: string[] | undefined) =>
    make(
      "wait-timeout",
      EXIT.waited,
      refs.length === 1
        ? `Waited ${waited} for ${quote(refs[0]!)}, which is not over`
        : `Waited ${waited}; ${refs.length} issues are not over`,
      `kugetsu status ${refs.slice(0, 20).map(quote).join(" ")}`,
      undefined,
      details,
    ),
  wouldNotDie: (refs: string[], pids: number[]) =>
    make(
      "would-not-die",
      EXIT.environment,
      `Stopped ${refs.map(quote).join(", ")}, but not all processes would end`,
      { next: `kill -9 ${pids.join(" ")}`, hint: "one that waits for a disk ends later" },
    ),

  stopped: (action: string, signal: StopSignal) =>
    make(
      "stopped",
      signal === "SIGTERM" ? EXIT.terminated : EXIT.interrupted,
      `Cannot ${action}: it was stopped by ${signal}`,
      { hint: "run the command again" },
    ),
  startStopped: (ref: string, signal: string) =>
    make(
      "start-stopped",
      signal === "SIGTERM" ? EXIT.terminated : EXIT.interrupted,
      `The start of ${quote(ref)} was stopped by ${signal}`,
      `kugetsu start ${quote(ref)} "what to do"`,
    ),

  baseTurnEnded: (words: string, id: string, exit: ExitStatus) =>
    make(
      "base-turn-ended",
      exit,
      `Cannot make the base session: its first turn ${words}; session ${id} stays in opencode`,
      { next: `kugetsu init --session ${id}`, hint: "takes it as it is" },
    ),

  // Refused: 9
  indexDamaged: (path: string, why: string) =>
    make(
      "index-damaged",
      EXIT.refused,
      `Cannot use the index ${quote(path)}: ${why}`,
      {
        next: "kugetsu doctor --fix",
        hint: "keeps a copy and rebuilds it from the session files",
      },
    ),
  worktreeUnsaved: (what: string, details: string[], next: string) =>
    make(
      "worktree-unsaved",
      EXIT.refused,
      `Refused to ${what}: its worktree has what is nowhere else`,
      { next, hint: "deletes it; or commit and push what is to be kept" },
      undefined,
      details,
    ),
  worktreeLocked: (what: string, path: string, why: string, next: string) =>
    make(
      "worktree-locked",
      EXIT.refused,
      `Refused to ${what}: ${quote(path)} is locked: ${why}`,
      next,
    ),
  worktreeForeign: (path: string, why: string, advice: Advice) =>
    make(
      "worktree-foreign",
      EXIT.refused,
      `Refused to use ${quote(path)} as a worktree: ${why}`,
      advice,
    ),
  serviceForeign: (path: string, action: "write" | "remove") =>
    make(
      "service-foreign",
      EXIT.refused,
      `Refused to ${action} ${quote(path)}: kugetsu service install did not write it`,
      { next: `cat ${quote(path)}`, hint: "shows it; move it away if it is not needed" },
    ),
  copyRefused: (name: string, why: string) =>
    make(
      "copy-refused",
      EXIT.refused,
      `Refused to copy ${quote(name)} into the worktree: ${why}`,
      { next: "kugetsu config get worktree.copy", hint: "names the files to copy" },
    ),
  pluginRefused: (plugin: string, hook: string, reason: string) =>
    make(
      "plugin-refused",
      EXIT.refused,
      `Refused by the plugin ${quote(plugin)} (${hook}): ${oneLine(reason)}`,
      { next: `kugetsu plugin info ${plugin}`, hint: "nothing was begun or changed" },
    ),
  hookFailed: (plugin: string, hook: string, why: string) =>
    make(
      "hook-failed",
      EXIT.refused,
      `Refused, because the plugin ${quote(plugin)} failed in ${hook}: ${oneLine(why)}`,
      {
        next: `kugetsu plugin check ${plugin}`,
        hint: `kugetsu plugin disable ${plugin} does without it`,
      },
    ),
  issueClosed: (ref: string) =>
    make("issue-closed", EXIT.refused, `Refused to work on ${quote(ref)}: the issue is closed`, {
      hint: "--closed does so all the same",
    }),
  alreadyDone: (ref: string) =>
    make(
      "already-done",
      EXIT.refused,
      `Refused to run the last message of ${quote(ref)} again: its turn is done`,
      `kugetsu retry ${quote(ref)} --force`,
    ),
  notConfirmed: (what: string, next: string) =>
    make("not-confirmed", EXIT.refused, `Refused to ${what}: it was not confirmed`, next),
  unguarded: (permission: string) =>
    make(
      "unguarded",
      EXIT.refused,
      `Refused to run a turn: the repository's opencode settings name the permission ${
        quote(permission)
      } in each way there is, so that yours cannot be put behind them`,
      { next: "opencode debug config", hint: "shows them; take one of the names out" },
    ),
  fileTaken: (path: string, ref: string) =>
    make(
      "file-taken",
      EXIT.refused,
      `Refused to write ${quote(path)}: it holds the session of ${quote(ref)}`,
      "kugetsu doctor",
    ),
} as const;

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

/** Whether it is \`kugetsu attach\`: a holder is named as \`pid 7 (kugetsu attach, since 18:03:00)\`. */
function isAttached(holder: string): boolean {
  return /\(kugetsu attach\b/.test(holder);
}

function make(
  code: string,
  exit: ExitStatus,
  message: string,
  advice: Advice,
  cause?: unknown,
  details?: string[],
): KugetsuError {
  const { next, hint } = typeof advice === "string" ? { next: advice } : advice;
  return new KugetsuError({ code, exit, message, next, hint, cause, details });
}

/** What others said may have any form; an error is one line without a full stop. */
function oneLine(text: string): string {
  return shorten(text.replaceAll(/\s+/g, " ").trim().replace(/\.$/, ""));
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** The system's own word for a failed call: `no space left on device (ENOSPC)`, or the plain message. */
export function reasonOf(cause: unknown): string {
  const error = cause as { code?: string; message?: string };
  const known: Record<string, string> = {
    ENOSPC: "no space left on the device",
    EDQUOT: "the disk quota is used up",
    EACCES: "permission denied",
    EPERM: "not permitted",
    EROFS: "the file system is read-only",
    EIO: "the disk reported an input/output error",
    ENOTDIR: "a part of the path is not a folder",
    EISDIR: "it is a folder",
    EMFILE: "too many open files",
    ENOENT: "no such file or folder",
  };
  if (error?.code && known[error.code]) return `${known[error.code]} (${error.code})`;
  return error?.message ?? String(cause);
}
