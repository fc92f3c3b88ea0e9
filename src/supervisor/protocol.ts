/**
 * What a client and the supervisor say to each other. A request is one message (requests.ts); the reply is one message,
 * and for `follow` lines after it, until one says that it is the end. Errors cross over whole.
 */
import type { ErrorParts } from "../errors.ts";

/** Counts up when an older side could misunderstand a newer one. */
export const PROTOCOL = 1;

export type Reply =
  | {
    ok: true;
    result: unknown;
    /** The supervisor's version, where it is another build than whoever asks. */
    other?: string | undefined;
    /** The names of the variables that it has otherwise than whoever asks. */
    changed?: string[] | undefined;
  }
  | { ok: false; error: ErrorParts };

/** In place of the reply to a submission: it had nothing to do, and makes room for the build that asks. */
export interface MakesRoom {
  ends: true;
}
