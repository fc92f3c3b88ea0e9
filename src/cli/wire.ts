/** The one place that knows the implementations behind the ports. Each is loaded when it is first needed. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Context } from "../commands/context.ts";
import type { Output } from "../commands/output.ts";
import { once } from "../platform/once.ts";
import type { Plugins } from "../plugins/mod.ts";
import type { Runner } from "../runner/mod.ts";
import { type RunnerKind, timestamp } from "../session/record.ts";
import { untilStopped } from "./signals.ts";

export interface WireOptions {
  env: Record<string, string | undefined>;
  cwd: string;
  output: Output;
  /** The name of the command, for those who wait for a lock. */
  command: string;
}

/** A context, and what ends all that was started for it. */
export type Wired = Context & { close(): Promise<void> };

export function wire({ env, cwd, output, command }: WireOptions): Wired {
  const folder = stateFolder(env, cwd);
  const debug = (text: string) => output.debug(text);
  const opencode = once(async () => {
    const { makeOpencode } = await import("./wire_opencode.ts");
    return await makeOpencode({ env, folder, config, debug });
  });
  const config = once(async () => {
    const { configFile } = await import("../config/config_file.ts");
    return configFile(join(folder, "config.jsonc"), env, (text) => output.warn(text));
  });
  const store = once(async () => {
    const { FileStore } = await import("../store/file_store.ts");
    const holder = () => `pid ${process.pid} (kugetsu ${command}, since ${now().slice(11, 19)})`;
    return new FileStore(folder, holder, debug);
  });
  const forPlugins = async () => {
    const { selfCommand } = await import("../platform/self.ts");
    return {
      env,
      hostCommand: [...selfCommand(), PLUGIN_HOST],
      warn: (text: string) => output.warn(text),
      debug,
    };
  };
  const runners: Partial<Record<RunnerKind, Runner>> = {};
  let started: Promise<Plugins> | undefined;
  const startPlugins = async () => {
    const { makePlugins } = await import("../plugins/plugins.ts");
    const settings = once(async () => (await config()).plugins());
    return makePlugins({ ...await forPlugins(), state: folder, settings });
  };
  const traces = once(async () => {
    const { FileTraces } = await import("../supervisor/traces.ts");
    return new FileTraces(folder, async (key) => (await store()).nameOf(key));
  });
  return {
    output,
    cwd,
    plugins: () => started ??= startPlugins(),
    hasPlugins: () => existsSync(join(folder, "plugins", ".trusted")),
    shelf: once(async () => {
      const { makeShelf } = await import("../plugins/shelf.ts");
      const limitMs = async () => (await config()).plugins().limitMs;
      return makeShelf({
        ...await forPlugins(),
        folder: join(folder, "plugins"),
        cwd,
        limitMs,
      });
    }),
    close: async () => await (await started)?.close(),
    store,
    issueKeys: async () => {
      const { issueKeys } = await import("../store/issue_keys.ts");
      return issueKeys(folder);
    },
    runner: async (kind) => {
      const { makeRunner } = await import("./wire_opencode.ts");
      return runners[kind] ??= makeRunner(kind, { opencode: await opencode(), folder, env, debug });
    },
    supervisor: once(async () => {
      const { makeClient } = await import("./wire_client.ts");
      return makeClient({
        env,
        folder,
        warn: (text) => output.warn(text),
        debug,
        traces: await traces(),
      });
    }),
    traces,
    sessions: once(async () => {
      const { OpencodeSessions } = await import("../runner/opencode_sessions.ts");
      return new OpencodeSessions(await opencode(), join(folder, "run"));
    }),
    config,
    workspace: once(async () => {
      const { gitWorkspace } = await import("../workspace/git_workspace.ts");
      return gitWorkspace(env, folder);
    }),
    installation: once(async () => {
      const { shellInstaller } = await import("../installation/shell_installer.ts");
      const { VERSION } = await import("./program.ts");
      const { execPath } = process;
      return shellInstaller({ env, version: VERSION, execPath, say: (line) => output.note(line) });
    }),
    service: once(async () => {
      const { systemdService } = await import("../installation/systemd_service.ts");
      const { supervisorCommand } = await import("./wire_client.ts");
      const state = env["KUGETSU_HOME"] ? folder : undefined;
      return systemdService({ env, state, command: [...supervisorCommand(), STAYS] });
    }),
    owner: once(async () => {
      const { identify } = await import("../platform/processes.ts");
      const self = identify(process.pid);
      if (!self) throw new Error("Cannot find this process in the process table");
      return self;
    }),
    overSsh: (words) => overSsh(env, words),
    readInput: async () => {
      const { standardInput, textOf } = await import("./input.ts");
      return await textOf(standardInput(), "standard input");
    },
    argumentsAreText: async () => (await import("./input.ts")).argumentsAreText(),
    pathOf: (path) => resolve(cwd, path),
    readFile: async (path) => {
      const { textOfFile } = await import("./input.ts");
      return await textOfFile(resolve(cwd, path), path);
    },
    untilStopped: (work, options) =>
      untilStopped(work, () => options?.quiet || output.note("Stopping …")),
    now,
    clock: Date.now,
    newId: () => crypto.randomUUID(),
  };
}

/** The host is the one that the user came to by SSH, if so: it can be reached under that address. */
function overSsh(env: WireOptions["env"], words: string): string {
  const { hostname, userInfo } = process.getBuiltinModule("node:os");
  const host = env["SSH_CONNECTION"]?.split(" ")[2] ?? hostname();
  const home = env["KUGETSU_HOME"];
  const command = `${home ? `KUGETSU_HOME=${JSON.stringify(home)} ` : ""}kugetsu ${words}`;
  return `ssh -t ${userInfo().username}@${host} '${command.replaceAll("'", `'\\''`)}'`;
}

/** Where the state is, as a whole path. */
export function stateFolder(env: WireOptions["env"], cwd: string): string {
  const home = () => env["HOME"] || process.getBuiltinModule("node:os").homedir();
  return resolve(cwd, env["KUGETSU_HOME"] || join(home(), ".kugetsu"));
}

/** What the first argument is when kugetsu is to be the process of a plugin: main.ts looks for it. */
const PLUGIN_HOST = "__plugin";

/** The argument of a supervisor that somebody else keeps running, such as systemd: an idle one stays. */
export const STAYS = "--stay";

export async function hostPlugin(file: string): Promise<void> {
  const { hostPlugin } = await import("../plugins/host.ts");
  await hostPlugin(file);
}

function now(): string {
  return timestamp(new Date());
}
