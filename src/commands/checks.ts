/** What each of doctor's checks gives. */
import { KugetsuError } from "../errors.ts";

/** One line of the report. `repaired` is there only where something was done. */
export interface Line {
  check: string;
  ok: boolean;
  text: string;
  /** A command that helps, and what there is to say about it, or to do where none does. */
  next?: string | undefined;
  hint?: string | undefined;
  repaired?: boolean;
}

/** A check that fails is a line of the report, not the end of it; one that is stopped is the end. */
export async function attempt(check: string, look: () => Promise<Line[]>): Promise<Line[]> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof KugetsuError) || error.code === "stopped") throw error;
    return [lineOf(check, error)];
  }
}

/** An error in doctor's own report does not send to doctor. */
function lineOf(check: string, { message, next, hint }: KugetsuError): Line {
  const other = next === "kugetsu doctor" ? {} : { next };
  return { check, ok: false, text: message, ...other, ...(hint ? { hint } : {}) };
}

/** Each line once, where several checks met the same trouble. */
export function withoutRepeats(lines: readonly Line[]): Line[] {
  return lines.filter(({ text }, at) => lines.findIndex((it) => it.text === text) === at);
}

/** For people: a line of text, and one for each thing that helps. */
export function inWords({ ok, text, next, hint, repaired }: Line): string[] {
  const mark = repaired ? "fixed" : ok ? "ok" : "bad";
  const more = [next && `run: ${next}`, hint && `(${hint})`].filter(Boolean);
  return [`${mark.padEnd(6)} ${text}`, ...more.map((it) => `       ${it}`)];
}
