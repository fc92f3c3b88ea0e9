/** Running hooks: in which order, what they may answer, and what their failure means. */
import * as v from "valibot";
import type { Amendment, HookName, HookTypes, IssueRef } from "../api/mod.ts";
import { settingNamed } from "../config/mod.ts";
import { errors } from "../errors.ts";
import type { Member } from "./members.ts";
import type { Given, HooksOf } from "./mod.ts";
import { PluginFailure, read } from "./protocol.ts";

/** What a hook that fails does to the command; and whether one may change what the turn begins with. */
interface Rules {
  sequential: { kind: "sequential"; amends: boolean; failure: "refuses" | "warns" };
  all: { kind: "all" };
}

/** One row for each hook, of its kind: leaving one out does not compile. */
const RULES: { [H in HookName]: Rules[HookTypes[H]["kind"]] } = {
  "pre-start": { kind: "sequential", amends: true, failure: "refuses" },
  "post-start": { kind: "all" },
  "pre-continue": { kind: "sequential", amends: true, failure: "refuses" },
  "post-continue": { kind: "all" },
  // A plugin that is broken must not keep anybody from a destroy; one that has a reason may.
  "pre-destroy": { kind: "sequential", amends: false, failure: "warns" },
  "post-destroy": { kind: "all" },
  "outcome": { kind: "all" },
};

export interface HookRun {
  members: Member[];
  /** The names of plugins in the order of the configuration. */
  order: readonly string[];
  limitMs: number;
  warn(text: string): void;
  /** Posts a plugin's comment on the issue, in place of its earlier one. */
  comment(ref: IssueRef, options: { body: string; replace: string }): Promise<unknown>;
}

/** @throws plugin-refused, hook-failed */
export async function runBefore<H extends HooksOf<"sequential">>(
  hook: H,
  given: Given<H>,
  run: HookRun,
): Promise<Amendment> {
  const rule = RULES[hook] as Rules["sequential"];
  let amended: Amendment = {};
  for (const { name, driver, tellable } of await loaded(hook, run)) {
    const params = { hook, context: { ...given, ...amended } };
    try {
      const said = await driver.ask({ method: "hook", params, limitMs: run.limitMs });
      const answer = readAnswer(said, rule.amends);
      if ("refuse" in answer) throw errors.pluginRefused(name, hook, tellable(answer.refuse));
      amended = { ...amended, ...answer };
    } catch (error) {
      if (!(error instanceof PluginFailure)) throw error;
      if (rule.failure === "refuses") throw errors.hookFailed(name, hook, error.message);
      run.warn(failed(name, hook, error));
    }
  }
  return amended;
}

export async function runAfter<H extends HooksOf<"all">>(
  hook: H,
  given: Given<H>,
  run: HookRun,
): Promise<void> {
  const params = { hook, context: given as unknown };
  await Promise.all((await loaded(hook, run)).map(async ({ name, comments, driver, tellable }) => {
    try {
      const said = await driver.ask({ method: "hook", params, limitMs: run.limitMs });
      const body = readReport(said, comments);
      if (body !== undefined) {
        await run.comment(given.ref, { body: tellable(body), replace: name });
      }
    } catch (error) {
      run.warn(failed(name, hook, error));
    }
  }));
}

function failed(name: string, hook: HookName, error: unknown): string {
  return `plugin "${name}" failed in ${hook}: ${(error as Error).message}`;
}

/** Those that have the hook and can be loaded, in order. They are started at once. */
async function loaded(hook: HookName, { members, order }: HookRun) {
  const place = ({ declared }: Member) => {
    const { order: wish } = declared.hooks[hook]!;
    const wished = order.indexOf(declared.name);
    return [
      wish === "first" ? 0 : wish === "last" ? 2 : 1,
      wished < 0 ? order.length : wished,
    ] as const;
  };
  const wanted = members.filter((it) => it.declared.hooks[hook] !== undefined)
    .sort((a, b) => {
      const [one, other] = [place(a), place(b)];
      return one[0] - other[0] || one[1] - other[1] ||
        (a.declared.name < b.declared.name ? -1 : 1);
    });
  const drivers = await Promise.all(wanted.map((it) => it.driver()));
  return drivers.flatMap((driver, index) => {
    const { declared, tellable } = wanted[index]!;
    return driver ? [{ ...declared, driver, tellable }] : [];
  });
}

const nonEmpty = v.pipe(v.string(), v.trim(), v.nonEmpty("it is empty"));

const refusal = v.strictObject({ refuse: nonEmpty });

const setting = (name: string) =>
  v.pipe(v.string(), v.check((value) => isGood(name, value), `it is no ${name}`));

const amendment = v.strictObject({
  message: v.optional(v.pipe(v.string(), v.regex(/\S/, "it is empty"))),
  model: v.optional(setting("model")),
  agent: v.optional(setting("agent")),
});

function isGood(name: string, value: string): boolean {
  try {
    settingNamed(name)!.read(value);
    return true;
  } catch {
    return false;
  }
}

/** @throws PluginFailure */
function readAnswer(said: unknown, amends: boolean): Amendment | { refuse: string } {
  if (said === undefined || said === null) return {};
  const refuses = typeof said === "object" && "refuse" in said;
  const answer = refuses || !amends
    ? read(refusal, said, "its answer")
    : read(amendment, said, "its answer");
  return answer as Amendment | { refuse: string };
}

const LONGEST_COMMENT = 60_000;

const report = v.object({
  comment: v.pipe(nonEmpty, v.maxLength(LONGEST_COMMENT, "it is longer than 60,000 characters")),
});

/** The comment that it wants posted; whatever else a hook returns was never asked for. @throws PluginFailure */
export function readReport(said: unknown, mayComment: boolean): string | undefined {
  if (typeof said !== "object" || said === null || !("comment" in said)) return undefined;
  if (mayComment) return read(report, said, "its answer").comment;
  throw new PluginFailure("it has a comment to post, and does not declare comments: true");
}
