/** What helps after a turn that did not end well: the same words for whoever ran it, waits for it or asks later. */
import { type Advice, errors, type KugetsuError } from "../errors.ts";
import { exitStatusOf, inWords, type Outcome } from "./outcome.ts";

/** An outcome as far as advice depends on it: a record has no more of one that is long over. */
export interface Ending {
  kind: Outcome["kind"];
  /** Of a failed one. */
  reason?: string | undefined;
}

/** `hasSession` tells a turn that can be gone on with from a start that never got so far. */
export function adviceAfter(ref: string, { kind, reason }: Ending, hasSession: boolean): Advice {
  const quoted = JSON.stringify(ref);
  if (kind === "blocked") {
    const next = `kugetsu continue ${quoted} --permissions allow`;
    return { next, hint: "or allow it in opencode's settings" };
  }
  switch (reason) {
    case "session-gone":
      return hasSession
        ? { next: `kugetsu destroy ${quoted} -y`, hint: "then start it again" }
        : { next: "kugetsu init --force", hint: "the base session is gone from opencode" };
    case "agent-unknown":
      return "opencode agent list";
    case "model-unknown":
      return { next: "opencode models", hint: "name one of them with --model" };
    default:
      return hasSession
        ? `kugetsu continue ${quoted}`
        : { next: `kugetsu retry ${quoted}`, hint: "runs the same message again" };
  }
}

/** The error that a turn's outcome is; undefined for one that is done. */
export function turnError(
  ref: string,
  outcome: Outcome,
  hasSession: boolean,
): KugetsuError | undefined {
  if (outcome.kind === "done") return undefined;
  return errors.turnEnded(
    ref,
    { kind: outcome.kind, words: inWords(outcome), advice: adviceAfter(ref, outcome, hasSession) },
    exitStatusOf(outcome),
  );
}

/** How an issue is answered that asks. */
export function adviceForAsk(ref: string, { kind }: { kind: "permission" | "question" }): Advice {
  const answer = `kugetsu answer ${JSON.stringify(ref)}`;
  return kind === "permission"
    ? { next: `${answer} --allow`, hint: "or --allow --always, or --deny" }
    : { next: `${answer} "what you say"`, hint: "or --deny, to leave it open" };
}
