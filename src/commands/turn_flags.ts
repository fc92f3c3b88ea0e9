/** The flags that start and continue share, and the settings they add up to. */
import type { Settings } from "../config/mod.ts";
import type { Context } from "./context.ts";

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
