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
  cause?: unknown;
}

/** An expected failure. Anything else that is thrown is a bug and ends with exit status 1. */
export class KugetsuError extends Error {
  override readonly name = "KugetsuError";
  readonly code: string;
  readonly exit: ExitStatus;
  readonly next: string | undefined;
  readonly hint: string | undefined;

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.exit = parts.exit;
    this.next = parts.next;
    this.hint = parts.hint;
  }
}

/** An outcome in words, as session/outcome.ts has it. */
interface EndedBadly {
  kind: string;
  words: string;
  advice?: Advice | undefined;
}

/** What helps: a command alone, or with something said about it. */
export type Advice = string | { next?: string | undefined; hint?: string | undefined };

const quote = (text: string) => JSON.stringify(text);

const EXAMPLE = "github.com/shoko/kugetsu#14";

/** The catalogue. Each entry builds one error; callers throw what it returns. */
export const errors = {
  // Bad usage: 2
  usage: (message: string, advice: Advice = "kugetsu --help") =>
    make("usage", EXIT.usage, message, advice),
  badRef: (text: string, why: string) =>
    make(
      "bad-ref",
      EXIT.usage,
      `Cannot read the issue ref ${quote(shorten(text))}: ${why}`,
      { hint: `write it as instance/user/repo#number, for example ${EXAMPLE}` },
    ),
  noOrigin: (text: string, folder: string, why: string) =>
    make(
      "no-origin",
      EXIT.usage,
      `Cannot read the issue ref ${quote(text)} in ${quote(folder)}: ${why}`,
      { hint: `name the repository too, for example ${EXAMPLE}` },
    ),
  noMessage: (next: string) =>
    make("no-message", EXIT.usage, "Cannot begin a turn: no message was given", next),
  emptyMessage: (what: string) =>
    make("empty-message", EXIT.usage, `Cannot send ${what}: it is empty`, {
      hint: 'say what to do, for example "fix the login"',
    }),
  badConfig: (path: string, why: string, next = "kugetsu config path") =>
    make("bad-config", EXIT.usage, `Cannot use the configuration ${quote(path)}: ${why}`, next),
  badSetting: (name: string, value: string, why: string) =>
    make(
      "bad-setting",
      EXIT.usage,
      `Cannot use ${quote(value)} for ${name}: ${why}`,
      "kugetsu config list",
    ),
  unknownSetting: (name: string, nearest?: string) =>
    make(
      "unknown-setting",
      EXIT.usage,
      `Cannot find a setting ${quote(name)}${nearest ? `: did you mean ${quote(nearest)}?` : ""}`,
      "kugetsu config list",
    ),

  // No such session or base: 3
  noBase: () =>
    make(
      "no-base",
      EXIT.notFound,
      "Cannot start: there is no base session yet",
      { next: "kugetsu init", hint: "without a terminal: kugetsu init --headless" },
    ),
  noBaseToDestroy: () =>
    make("no-base", EXIT.notFound, "Cannot destroy the base: there is none", "kugetsu init"),
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
  noSuchOpencodeSession: (id: string, advice: Advice) =>
    make("no-opencode-session", EXIT.notFound, `Cannot find session ${id} in opencode`, advice),

  // Busy or already there: 4
  baseExists: (id: string) =>
    make(
      "base-exists",
      EXIT.busy,
      `Cannot make a base session: there is one already, ${id}`,
      { next: "kugetsu init --force", hint: "replaces it once the new one is recorded" },
    ),
  sessionExists: (ref: string) =>
    make(
      "session-exists",
      EXIT.busy,
      `Cannot start ${quote(ref)}: it has a session already`,
      `kugetsu continue ${quote(ref)} "what to do"`,
    ),
  notIndexed: (ref: string, file: string) =>
    make(
      "not-indexed",
      EXIT.busy,
      `Cannot start ${quote(ref)}: ${quote(file)} holds a session for it that is not in the index`,
      { next: "kugetsu doctor --fix", hint: "adopts it; kugetsu prune --force deletes the file" },
    ),
  turnRunning: (ref: string, holder: string) =>
    make(
      "turn-running",
      EXIT.busy,
      `Cannot work on ${quote(ref)}: a turn is running, held by ${holder}`,
      { next: "kugetsu list", hint: "shows when it is over" },
    ),
  storeLocked: (holder: string, seconds: number) =>
    make(
      "store-locked",
      EXIT.busy,
      `Cannot lock the state folder within ${seconds} s: it is held by ${holder}`,
      { hint: "run the command again" },
    ),

  // Environment: 5
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
  opencodeFailed: (action: string, why: string) =>
    make("opencode-failed", EXIT.environment, `Cannot ${action}: ${why}`, "kugetsu doctor"),
  noFolder: (folder: string, what: string, next?: string) =>
    make(
      "no-folder",
      EXIT.environment,
      `Cannot use ${quote(folder)}, ${what}: there is no such folder`,
      { next, hint: "or put the folder back" },
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
      "kugetsu doctor",
      cause,
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
  turnEnded: (ref: string, outcome: EndedBadly, exit: ExitStatus, hasSession: boolean) =>
    make(
      `turn-${outcome.kind}`,
      exit,
      `The turn for ${quote(ref)} ${outcome.words}`,
      outcome.advice ??
        (hasSession
          ? `kugetsu continue ${quote(ref)}`
          : `kugetsu start ${quote(ref)} "what to do"`),
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
  notConfirmed: (what: string, next: string) =>
    make("not-confirmed", EXIT.refused, `Refused to ${what}: it was not confirmed`, next),
  fileTaken: (path: string, ref: string) =>
    make(
      "file-taken",
      EXIT.refused,
      `Refused to write ${quote(path)}: it holds the session of ${quote(ref)}`,
      "kugetsu doctor",
    ),
} as const;

function make(
  code: string,
  exit: ExitStatus,
  message: string,
  advice: Advice,
  cause?: unknown,
): KugetsuError {
  const { next, hint } = typeof advice === "string" ? { next: advice } : advice;
  return new KugetsuError({ code, exit, message, next, hint, cause });
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
