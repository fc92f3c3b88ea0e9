/**
 * What every error is made of. Messages name the action first, then the thing in quotes, then what was found; they never
 * hold a prompt or a token. Exit statuses mean the same for every command (README, "Exit codes").
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

/** What helps: a command alone, or with something said about it. */
export type Advice = string | { next?: string | undefined; hint?: string | undefined };

export const quote = (text: string) => JSON.stringify(text);

export const GENERAL_HELP = "kugetsu --help";

export const EXAMPLE = "github.com/shoko/kugetsu#14";

/** One error of the catalogue. */
export function make(
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
export function oneLine(text: string): string {
  return shorten(text.replaceAll(/\s+/g, " ").trim().replace(/\.$/, ""));
}

export function shorten(text: string): string {
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
