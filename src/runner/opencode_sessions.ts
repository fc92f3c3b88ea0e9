/**
 * opencode's sessions, through its server: the only way to make a session without a model call, and to ask for one by
 * its id. One that runs is used; otherwise one is started for the purpose, which takes a second or two, and ended right
 * after. All servers share one database and read it anew for each question, so it does not matter which one is asked.
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import { errors, reasonOf } from "../errors.ts";
import type { AgentSession, AgentSessions, Attended, AttendOptions, ServerDoor } from "./mod.ts";
import type { OpencodeCommand } from "./opencode_command.ts";
import { attend } from "./opencode_interface.ts";
import { NEUTRAL } from "./opencode_call.ts";
import { answeringServers, clientOf, wordsOf } from "./server_address.ts";
import { withServer } from "./server_alone.ts";

export class OpencodeSessions implements AgentSessions {
  readonly #opencode: OpencodeCommand;
  readonly #runFolder: string;

  /** `runFolder` is where running servers are told of. */
  constructor(opencode: OpencodeCommand, runFolder: string) {
    this.#opencode = opencode;
    this.#runFolder = runFolder;
  }

  version(): Promise<string> {
    return this.#opencode.version();
  }

  executable(): string {
    return this.#opencode.executable();
  }

  create(directory: string, title: string, signal: AbortSignal): Promise<AgentSession> {
    return this.#served(directory, "make a session in opencode", signal, async (client) => {
      const { data, error } = await client.session.create({ title });
      if (!data) throw new Error(wordsOf(error));
      return { id: data.id, directory: data.directory };
    });
  }

  async find(ids: string[], signal: AbortSignal): Promise<Map<string, AgentSession>> {
    const action = "ask opencode for its sessions";
    return await this.#served(this.#anywhere(), action, signal, async (client) => {
      const found = new Map<string, AgentSession>();
      for (const sessionID of ids) {
        const { data, error, response } = await client.session.get({ sessionID });
        if (data) found.set(sessionID, { id: data.id, directory: data.directory });
        else if (response?.status !== 404) throw new Error(wordsOf(error));
      }
      return found;
    });
  }

  async remove(ids: string[], signal: AbortSignal): Promise<void> {
    const action = "delete a session in opencode";
    return await this.#served(this.#anywhere(), action, signal, async (client) => {
      for (const sessionID of ids) {
        const { error, response } = await client.session.delete({ sessionID });
        if (error && response?.status !== 404) throw new Error(wordsOf(error));
      }
    });
  }

  attend(
    session: AgentSession,
    door: ServerDoor,
    options: AttendOptions,
    signal: AbortSignal,
  ): Promise<Attended> {
    return attend(this.#opencode, session, door, options, signal);
  }

  async openInterface({ id, directory }: AgentSession, signal: AbortSignal): Promise<number> {
    const action = "open opencode";
    demandNotStopped(action, signal);
    const child = spawn(this.#opencode.executable(), [directory, "--session", id], {
      cwd: NEUTRAL,
      env: { ...this.#opencode.environment(), PWD: NEUTRAL } as NodeJS.ProcessEnv,
      stdio: "inherit",
    });
    const end = () => child.kill("SIGTERM");
    signal.addEventListener("abort", end, { once: true });
    const status = await new Promise<number>((resolve, reject) => {
      child.once("error", (error) => reject(errors.opencodeFailed(action, error.message)));
      child.once("exit", (code, by) => resolve(code ?? (by ? 1 : 0)));
    });
    signal.removeEventListener("abort", end);
    demandNotStopped(action, signal);
    return status;
  }

  /** A folder for what concerns none: opencode knows a session by its id wherever it is asked. @throws unwritable */
  #anywhere(): string {
    try {
      mkdirSync(this.#runFolder, { recursive: true, mode: 0o700 });
      return this.#runFolder;
    } catch (cause) {
      throw errors.unwritable(this.#runFolder, cause);
    }
  }

  /** Does something with a server that runs, or else with one of its own. */
  async #served<T>(
    directory: string,
    action: string,
    signal: AbortSignal,
    use: (client: OpencodeClient) => Promise<T>,
  ): Promise<T> {
    await this.#opencode.version();
    demandNotStopped(action, signal);
    const [running] = await answeringServers(this.#runFolder);
    demandNotStopped(action, signal);
    const ask = (door: ServerDoor) => use(clientOf(door, directory, signal));
    const [file, env] = [this.#opencode.executable(), this.#opencode.environment()];
    try {
      return running
        ? await ask(running)
        : await withServer({ file, args: ["serve", "--pure"], env }, signal, ask);
    } catch (cause) {
      demandNotStopped(action, signal);
      throw errors.opencodeFailed(action, reasonOf(cause));
    }
  }
}

/** @throws stopped */
function demandNotStopped(action: string, signal: AbortSignal): void {
  if (signal.aborted) throw errors.stopped(action, signal.reason);
}
