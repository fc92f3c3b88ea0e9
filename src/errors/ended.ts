/** How a turn can end other than well: exit statuses 6, 7, 8, 10, 130 and 143. */
import {
  type Advice,
  type ErrorParts,
  EXIT,
  type ExitStatus,
  KugetsuError,
  make,
  oneLine,
  quote,
  type StopSignal,
} from "./kugetsu_error.ts";

/** An outcome in words, as session/outcome.ts has it. */
interface EndedBadly {
  kind: string;
  words: string;
  advice: Advice;
}

export const ended = {
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
} as const;
