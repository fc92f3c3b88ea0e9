/** The flags that start and continue share, and the settings they add up to. */
import { Option } from "@commander-js/extra-typings";
import { errors } from "../errors.ts";
import { POLICIES, RUNNERS, type Settings } from "../config/mod.ts";
import type { Context } from "./context.ts";
import { newCommand } from "./define.ts";

export interface TurnFlags {
  detach?: boolean | undefined;
  key?: string | undefined;
  model?: string | undefined;
  agent?: string | undefined;
  permissions?: string | undefined;
  timeout?: string | undefined;
  silenceTimeout?: string | undefined;
  firstEventTimeout?: string | undefined;
  answerTimeout?: string | undefined;
  maxTokens?: string | undefined;
  maxCost?: string | undefined;
  maxParallel?: string | undefined;
  runner?: string | undefined;
  /** Of start alone. */
  base?: "default" | undefined;
  worktree?: boolean | undefined;
  shared?: boolean | undefined;
  from?: string | undefined;
}

/** @throws bad-config, bad-setting */
export async function turnSettings(context: Context, flags: TurnFlags): Promise<Settings> {
  const config = await context.config();
  return config.settings({
    model: flags.model,
    agent: flags.agent,
    permissions: flags.permissions,
    runner: flags.runner,
    "limits.total": flags.timeout,
    "limits.silence": flags.silenceTimeout,
    "limits.firstEvent": flags.firstEventTimeout,
    "limits.answer": flags.answerTimeout,
    "budget.tokens": flags.maxTokens,
    "budget.cost": flags.maxCost,
    "queue.maxParallel": flags.maxParallel,
    "worktree.mode": flags.shared
      ? "shared"
      : flags.worktree || flags.from !== undefined
      ? "own"
      : undefined,
  });
}

/** @throws usage */
function readKey(text: string): string {
  if (text !== "") return text;
  throw errors.usage("Cannot use an empty --key: it has to name one turn");
}

/** A command that runs a turn. */
export function newTurnCommand(name: string, summary: string, examples: string[]) {
  return newCommand(name, summary, examples)
    .option("-d, --detach", "return as soon as the turn is accepted; it runs all the same")
    .option(
      "--key <key>",
      "a turn that was accepted with this key before is not begun again",
      readKey,
    )
    .option("--message-file <file>", "read the message from a file (- for standard input)")
    .option("--with-issue", "put the issue, as the forge has it, behind the message")
    .option("--closed", "read the issue even if it is closed")
    .option("--model <model>", "the model, as provider/model")
    .option("--agent <agent>", "the opencode agent")
    .addOption(
      new Option("--permissions <policy>", "what becomes of things opencode would ask about")
        .choices(POLICIES),
    )
    .addOption(
      new Option("--runner <runner>", "server: one opencode for all turns; run: one for each")
        .choices(RUNNERS),
    )
    .option("--timeout <duration>", "stop the turn after this long in all (90s, 30m, 2h)")
    .option("--silence-timeout <duration>", "stop it after this long without a sign of life")
    .option("--first-event-timeout <duration>", "stop it when nothing comes for this long")
    .option("--answer-timeout <duration>", "stop it when a question is open for this long")
    .option("--max-tokens <number>", "stop it when it has used more tokens")
    .option("--max-cost <dollars>", "stop it when it has cost more")
    .option(
      "--max-parallel <number>",
      "let so many turns run at once from now on, whatever the settings say",
    );
}
