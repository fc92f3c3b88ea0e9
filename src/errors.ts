/**
 * Every error kugetsu can end with: its code, exit status, message, and the command to run next; a file in errors/ for
 * each exit status.
 */
import { busy } from "./errors/busy.ts";
import { ended } from "./errors/ended.ts";
import { environment } from "./errors/environment.ts";
import { notFound } from "./errors/not_found.ts";
import { refused } from "./errors/refused.ts";
import { usage } from "./errors/usage.ts";

export {
  type Advice,
  type ErrorParts,
  EXIT,
  type ExitStatus,
  GENERAL_HELP,
  KugetsuError,
  partsOf,
  reasonOf,
  type StopSignal,
} from "./errors/kugetsu_error.ts";

/** The catalogue. Each entry builds one error; callers throw what it returns. */
export const errors = {
  ...usage,
  ...notFound,
  ...busy,
  ...environment,
  ...ended,
  ...refused,
} as const;
