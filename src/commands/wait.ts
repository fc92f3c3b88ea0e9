/** `kugetsu wait`: returns when turns are over, with the exit status of how they ended. */
import { type Host, newCommand } from "./define.ts";
import { readDuration } from "../config/mod.ts";
import { type ErrorParts, errors, EXIT, type ExitStatus, partsOf } from "../errors.ts";
import type { Context } from "./context.ts";
import { adviceForAsk } from "../session/advice.ts";
import { type IssueStatus, readStatuses } from "./issue_status.ts";
import { stoppedBy } from "./status.ts";
import { resolveKeys } from "./target.ts";

export interface WaitOptions {
  any?: boolean | undefined;
  all?: boolean | undefined;
  timeout?: string | undefined;
}

/** An issue without a turn that goes on by itself. */
interface Rest {
  status: IssueStatus;
  failure?: ErrorParts | undefined;
}

export async function wait(
  context: Context,
  typed: string[],
  options: WaitOptions,
): Promise<ExitStatus> {
  if (options.any && options.all) throw errors.usage("Cannot wait both for any and for all");
  const seconds = options.timeout === undefined ? undefined : secondsOf(options.timeout);
  const keys = await resolveKeys(context, typed);
  // What there is nothing of is said before anything is waited for.
  const statuses = await readStatuses(context, keys);
  return await context.untilStopped(async (signal) => {
    const enough = new AbortController();
    const late = seconds === undefined
      ? undefined
      : setTimeout(() => enough.abort("timeout"), seconds * 1000);
    const both = AbortSignal.any([signal, enough.signal]);
    const over = new Map<string, Rest>();
    const waits = keys.map(async (key, at) => {
      const asked = askedOf(statuses[at]!);
      const rest = asked ?? await restOf(context, key, both);
      if (!rest || both.aborted) return;
      over.set(key, rest);
      report(context, rest);
      if (options.any) enough.abort("any");
    });
    try {
      await Promise.all(waits);
    } finally {
      clearTimeout(late);
    }
    if (signal.aborted) return stoppedBy(signal);
    const waiting = keys.filter((key) => !over.has(key));
    return conclude(context, [...over.values()], options.any ? [] : waiting, options.timeout);
  }, { quiet: true });
}

/** Resolves when nothing more comes of what was accepted, or when a turn waits for an answer. */
async function restOf(
  context: Context,
  key: string,
  signal: AbortSignal,
): Promise<Rest | undefined> {
  const [supervisor, traces] = await Promise.all([context.supervisor(), context.traces()]);
  const statusNow = async () => (await readStatuses(context, [key]))[0]!;
  while (!signal.aborted) {
    const kept = await traces.kept(key);
    const [turn] = kept?.accepted ?? [];
    if (!turn) {
      const status = await statusNow();
      const failure = status.state === "idle" ? undefined : kept?.failure ?? failureOf(status);
      return { status, failure };
    }
    for await (const line of supervisor.follow({ key, turn: turn.id }, signal)) {
      // It may have been given an answer since the line was written.
      const asked = line.kind === "asks" ? askedOf(await statusNow()) : undefined;
      if (asked) return asked;
    }
  }
  return undefined;
}

/** That of a turn that waits for an answer. */
function askedOf(status: IssueStatus): Rest | undefined {
  const { issue_ref: key, ask } = status;
  if (!ask) return undefined;
  const error = errors.waitingForAnswer(key, ask.what, adviceForAsk(key, ask));
  return { status, failure: partsOf(error) };
}

const BY_STATE: Record<string, ExitStatus> = {
  blocked: EXIT.blocked,
  stopped: EXIT.interrupted,
  damaged: EXIT.environment,
};

/** Of a turn that no supervisor has seen to its end. */
function failureOf({ issue_ref, state, why = state, next, hint }: IssueStatus): ErrorParts {
  const words = `is ${state}: ${why}`;
  const exit = BY_STATE[state] ?? EXIT.failed;
  return partsOf(errors.turnEnded(issue_ref, { kind: state, words, advice: { next, hint } }, exit));
}

function report({ output }: Context, { status, failure }: Rest): void {
  if (output.json) return;
  const how = failure ? `${status.state}, exit ${failure.exit}` : "done";
  output.write(`${output.visible(`${status.issue_ref}  ${how}`)}\n`);
}

function conclude(
  { output }: Context,
  over: Rest[],
  waiting: string[],
  timeout: string | undefined,
): ExitStatus {
  const issues = over.map(({ status, failure }) => ({
    ...{ issue_ref: status.issue_ref, state: status.state, exit: failure?.exit ?? EXIT.ok },
    ...(failure ? { why: failure.message, next: failure.next } : {}),
  }));
  const isLate = waiting.length > 0;
  const exit = Math.max(isLate ? EXIT.waited : EXIT.ok, ...issues.map((it) => it.exit));
  output.result({ exit, issues, waiting }, "");
  const bad = over.flatMap(({ failure }) => failure ?? []);
  const worst = bad.find((it) => it.exit === exit);
  const others = bad.filter((it) => it !== worst).map((it) => it.message);
  const details = others.length > 0 ? others : undefined;
  if (worst) throw errors.severalEnded(worst, details);
  if (isLate) throw errors.waitTimeout(waiting, withUnit(timeout!), details);
  return EXIT.ok;
}

/** A number alone is one of seconds. */
function withUnit(duration: string): string {
  return /[a-z]$/.test(duration) ? duration : `${duration} s`;
}

/** @throws usage */
function secondsOf(text: string): number {
  try {
    return readDuration(text);
  } catch (error) {
    throw errors.usage(`Cannot wait for ${JSON.stringify(text)}: ${(error as Error).message}`);
  }
}

export function waitCommand(host: Host) {
  return newCommand("wait", "return when turns are over, with the exit status of how they ended", [
    "kugetsu wait github.com/shoko/kugetsu#14",
    "kugetsu wait 14 15 16 --timeout 30m   # exit 10 if one is not over by then",
    "kugetsu wait 14 15 16 --any --json",
  ])
    .argument("<refs...>", "the issues")
    .option("--any", "return when one of them is over")
    .option("--all", "return when all of them are over (default)")
    .option("--timeout <duration>", "wait no longer than this (90s, 30m, 2h)")
    .action((refs, options) =>
      host.run("wait", options, (context) => wait(context, refs, options))
    );
}
