/** The flags that start and continue share, and the settings they add up to. */
import { Option } from "@commander-js/extra-typings";
import { POLICIES, type Settings } from "../config/mod.ts";
import type { Context } from "./context.ts";
import { newCommand } from "./define.ts";

export interface TurnFlags {
  model?: string | undefined;
  agent?: string | undefined;
  permissions?: string | undefined;
  timeout?: string | undefined;
  silenceTimeout?: string | undefined;
  firstEventTimeout?: string | undefined;
  worktree?: boolean | undefined;
  shared?: boolean | undefined;
}

/** @throws bad-config, bad-setting */
export async function turnSettings(context: Context, flags: TurnFlags): Promise<Settings> {
  const config = await context.config();
  return config.settings({
    model: flags.model,
    agent: flags.agent,
    permissions: flags.permissions,
    "limits.total": flags.timeout,
    "limits.silence": flags.silenceTimeout,
    "limits.firstEvent": flags.firstEventTimeout,
    "worktree.mode": flags.shared ? "shared" : flags.worktree ? "own" : undefined,
  });
}

/** A command that runs a turn. */
export function newTurnCommand(name: string, summary: string, examples: string[]) {
  return newCommand(name, summary, examples)
    .option("--message-file <file>", "read the message from a file (- for standard input)")
    .option("--with-issue", "put the issue, as the forge has it, behind the message")
    .option("--closed", "read the issue even if it is closed")
    .option("--model <model>", "the model, as provider/model")
    .option("--agent <agent>", "the opencode agent")
    .addOption(
      new Option("--permissions <policy>", "what becomes of things opencode would ask about")
        .choices(POLICIES),
    )
    .option("--timeout <duration>", "stop the turn after this long in all (90s, 30m, 2h)")
    .option("--silence-timeout <duration>", "stop it after this long without a sign of life")
    .option("--first-event-timeout <duration>", "stop it when nothing comes for this long");
}
