/** `kugetsu status`: what each issue does now, and what helps where it is not done. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { Context } from "./context.ts";
import { type IssueStatus, readStatuses } from "./issue_status.ts";
import { resolveKeys } from "./target.ts";

export interface StatusOptions {
  watch?: boolean | undefined;
}

const WATCH_MS = 1000;

export async function status(
  context: Context,
  typed: string[],
  { watch }: StatusOptions,
): Promise<ExitStatus> {
  const { output } = context;
  const keys = typed.length > 0 ? await resolveKeys(context, typed) : undefined;
  if (watch) return await watchStatus(context, keys);
  const all = await readStatuses(context, keys);
  const now = context.clock();
  const lines = all.flatMap((it) => linesFor(it, now)).map((it) => `${output.visible(it)}\n`);
  output.result({ issues: all }, lines.join(""));
  output.note(all.length === 0 ? "There is no issue yet. To begin one: kugetsu start" : sum(all));
  return EXIT.ok;
}

async function watchStatus(
  context: Context,
  keys: string[] | undefined,
): Promise<ExitStatus> {
  const { output } = context;
  if (output.json) {
    throw errors.usage("Cannot watch under --json: --watch is for people", "kugetsu status --json");
  }
  const screen = output.screen();
  if (!screen) throw errors.nothingToWatch();
  return await context.untilStopped(async (signal) => {
    while (!signal.aborted && !output.isClosed) {
      const all = await readStatuses(context, keys);
      const now = context.clock();
      const lines = byUrgency(all).flatMap((it) => linesFor(it, now));
      await screen.show([sum(all), ...lines.map((it) => output.visible(it))]);
      await until(signal, WATCH_MS);
    }
    return stoppedBy(signal);
  }, { quiet: true });
}

/** What only looks is ended by the user; that is no error, but the caller should know. */
export function stoppedBy(signal: AbortSignal): ExitStatus {
  if (!signal.aborted) return EXIT.ok;
  return signal.reason === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
}

function until(signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((over) => {
    const timer = setTimeout(over, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      over();
    }, { once: true });
  });
}

const URGENCY = ["blocked", "failed", "damaged", "running", "starting", "queued", "stopped"];

/** On a screen, what is over and done may be cut off. */
function byUrgency(all: IssueStatus[]): IssueStatus[] {
  const rank = ({ state }: IssueStatus) => (URGENCY.indexOf(state) + 1) || Infinity;
  return all.toSorted((a, b) => rank(a) === rank(b) ? 0 : rank(a) - rank(b));
}

/** `3 running, 1 failed` */
function sum(all: IssueStatus[]): string {
  const byState = Map.groupBy(all, (it) => it.state);
  const issues = all.length === 1 ? "1 issue" : `${all.length} issues`;
  return `${issues}: ${[...byState].map(([state, { length }]) => `${length} ${state}`).join(", ")}`;
}

/** What a person reads of an issue. Pure. */
export function linesFor(it: IssueStatus, now: number): string[] {
  const since = it.since === null ? "" : ` for ${inWords(now - Date.parse(it.since))}`;
  const what = it.ask ? it.why : it.doing ?? it.why;
  const money = it.cost > 0 ? `, $${it.cost.toFixed(2)}` : "";
  const place = it.directory === null
    ? ""
    : `${it.directory}${it.branch === null ? "" : ` on ${it.branch}`}; `;
  const options = it.ask && it.ask.options.length > 0 ? ` (${it.ask.options.join(" | ")})` : "";
  const behind = it.behind === undefined
    ? ""
    : `; ${it.behind === 1 ? "1 message waits" : `${it.behind} messages wait`} behind it`;
  const attached = it.attached ? "; somebody is attached" : "";
  const hint = it.hint ? `   (${it.hint})` : "";
  return [
    `${it.issue_ref}  ${it.state}${since}${what ? `: ${what}` : ""}${options}`,
    `  ${place}${it.tokens} tokens${money}${behind}${attached}`,
    ...(it.next ? [`  next: ${it.next}${hint}`] : []),
  ];
}

const UNITS = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]] as const;

/** `12 s`, `3 min`, `2 d`: one unit says enough. */
function inWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (!Number.isFinite(seconds)) return "?";
  const [name, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS[3];
  return `${Math.floor(seconds / size)} ${name}`;
}

export function statusCommand(host: Host) {
  return newCommand(
    "status",
    "show what issues do now, and what to run next where one is not done",
    [
      "kugetsu status",
      "kugetsu status github.com/shoko/kugetsu#14 15 --json",
      "kugetsu status --watch",
    ],
  )
    .argument("[refs...]", "the issues (default: all)")
    .option("-w, --watch", "refresh in place, on a terminal, until Ctrl-C")
    .action((refs, options) =>
      host.run("status", options, (context) => status(context, refs, options))
    );
}
