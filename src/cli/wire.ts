/** The one place that knows the implementations behind the ports. Each is loaded when it is first needed. */
import { join, resolve } from "node:path";
import { homedir } from "node:os";
import type { Context } from "../commands/context.ts";
import type { Output } from "../commands/output.ts";
import { errors } from "../errors.ts";
import { timestamp } from "../session/record.ts";
import { untilStopped } from "./signals.ts";

export interface WireOptions {
  env: Record<string, string | undefined>;
  cwd: string;
  output: Output;
  /** The name of the command, for those who wait for a lock. */
  command: string;
}

export function wire({ env, cwd, output, command }: WireOptions): Context {
  const folder = resolve(cwd, env["KUGETSU_HOME"] || join(env["HOME"] || homedir(), ".kugetsu"));
  const opencode = once(async () => {
    const { OpencodeCommand } = await import("../runner/opencode_command.ts");
    return new OpencodeCommand({
      env,
      cacheFolder: join(folder, "run"),
      debug: (text) => output.debug(text),
    });
  });
  return {
    output,
    cwd,
    store: once(async () => {
      const { FileStore } = await import("../store/file_store.ts");
      const holder = () => `pid ${process.pid} (kugetsu ${command}, since ${now().slice(11, 19)})`;
      return new FileStore(folder, holder, (text) => output.debug(text));
    }),
    issueKeys: async () => {
      const { issueKeys } = await import("../store/issue_keys.ts");
      return issueKeys(folder);
    },
    runner: once(async () => {
      const { OpencodeRunRunner } = await import("../runner/opencode_run.ts");
      return new OpencodeRunRunner(await opencode());
    }),
    sessions: once(async () => {
      const { OpencodeSessions } = await import("../runner/opencode_sessions.ts");
      return new OpencodeSessions(await opencode());
    }),
    config: once(async () => {
      const { configFile } = await import("../config/config_file.ts");
      return configFile(join(folder, "config.jsonc"), env, (text) => output.warn(text));
    }),
    workspace: once(async () => {
      const { gitWorkspace } = await import("../workspace/git.ts");
      return gitWorkspace(env);
    }),
    installation: once(async () => {
      const { shellInstaller } = await import("../installation/shell_installer.ts");
      const { VERSION } = await import("./program.ts");
      const { execPath } = process;
      return shellInstaller({ env, version: VERSION, execPath, say: (line) => output.note(line) });
    }),
    owner: once(async () => {
      const { identify } = await import("../platform/processes.ts");
      const self = identify(process.pid);
      if (!self) throw new Error("Cannot find this process in the process table");
      return self;
    }),
    readInput: async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk);
      return Buffer.concat(chunks).toString("utf8");
    },
    pathOf: (path) => resolve(cwd, path),
    readFile: async (path) => {
      const { readFile } = await import("node:fs/promises");
      try {
        return await readFile(resolve(cwd, path), "utf8");
      } catch (cause) {
        throw errors.unreadable(path, cause);
      }
    },
    untilStopped: (work) => untilStopped(work, () => output.note("Stopping the turn …")),
    now,
    newId: () => crypto.randomUUID(),
  };
}

function now(): string {
  return timestamp(new Date());
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => made ??= make();
}
