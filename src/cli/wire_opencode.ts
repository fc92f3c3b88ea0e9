/** The parts that drive opencode, put together. */
import { join } from "node:path";
import type { Config } from "../config/mod.ts";
import type { Runner } from "../runner/mod.ts";
import { OpencodeCommand } from "../runner/opencode_command.ts";
import { OpencodeRunRunner } from "../runner/opencode_run.ts";
import { OpencodeServers } from "../runner/opencode_servers.ts";
import { ServerRunner } from "../runner/server_runner.ts";
import type { RunnerKind } from "../session/record.ts";

type Environment = Record<string, string | undefined>;

interface Parts {
  env: Environment;
  /** The state folder. */
  folder: string;
  debug(text: string): void;
}

export async function makeOpencode(
  { env, folder, config, debug }: Parts & { config: () => Promise<Config> },
): Promise<OpencodeCommand> {
  return new OpencodeCommand({
    env: await withoutTokens(env, await config()),
    cacheFolder: join(folder, "run"),
    debug,
  });
}

export function makeRunner(
  kind: RunnerKind,
  parts: Parts & { opencode: OpencodeCommand },
): Runner {
  if (kind === "run") return new OpencodeRunRunner(parts.opencode);
  return new ServerRunner(makeServers(parts));
}

export function makeServers(
  { opencode, env, folder, debug }: Parts & { opencode: OpencodeCommand },
): OpencodeServers {
  return new OpencodeServers({
    opencode,
    runFolder: join(folder, "run"),
    logFolder: join(folder, "logs"),
    env,
    debug,
  });
}

/**
 * The environment of opencode: without forges' tokens, unless the user wants it otherwise. A configuration that cannot
 * be read may name such tokens, so nothing is started then.
 */
async function withoutTokens(env: Environment, config: Config): Promise<Environment> {
  const settings = config.plugins();
  if (settings.forgeTokens === "pass") return env;
  const { TOKEN_VARIABLES } = await import("../plugins/mod.ts");
  const named = Object.values(settings.instances).map((it) => it.token_variable);
  const hidden = [...TOKEN_VARIABLES, ...named];
  return Object.fromEntries(Object.entries(env).filter(([name]) => !hidden.includes(name)));
}
