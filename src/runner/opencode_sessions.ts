/**
 * opencode's sessions, through a server that is started for the purpose and ended right after: the only way
 * to make a session without a model call, and to ask for one by its id. Starting it takes a second or two.
 */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { createOpencodeClient, type OpencodeClient } from "@opencode-ai/sdk/v2/client";
import { errors, reasonOf } from "../errors.ts";
import { readLines } from "../platform/lines.ts";
import { endTurnProcesses, identify, turnMark } from "../platform/processes.ts";
import type { AgentSession, AgentSessions } from "./mod.ts";
import type { OpencodeCommand } from "./opencode_command.ts";

/** The first start on a new machine migrates the database, which takes its time on a slow disk. */
const START_MS = 90_000;
/** A request that takes longer is given up: "could not ask" is an answer, hanging is none. */
const REQUEST_MS = 30_000;

export class OpencodeSessions implements AgentSessions {
  readonly #opencode: OpencodeCommand;

  constructor(opencode: OpencodeCommand) {
    this.#opencode = opencode;
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

  find(
    ids: string[],
    directory: string,
    signal: AbortSignal,
  ): Promise<Map<string, AgentSession>> {
    return this.#served(directory, "ask opencode for its sessions", signal, async (client) => {
      const found = new Map<string, AgentSession>();
      for (const sessionID of ids) {
        const { data, error, response } = await client.session.get({ sessionID });
        if (data) found.set(sessionID, { id: data.id, directory: data.directory });
        else if (response?.status !== 404) throw new Error(wordsOf(error));
      }
      return found;
    });
  }

  remove(ids: string[], directory: string, signal: AbortSignal): Promise<void> {
    return this.#served(directory, "delete a session in opencode", signal, async (client) => {
      for (const sessionID of ids) {
        const { error, response } = await client.session.delete({ sessionID });
        if (error && response?.status !== 404) throw new Error(wordsOf(error));
      }
    });
  }

  async openInterface({ id, directory }: AgentSession, signal: AbortSignal): Promise<number> {
    const action = "open opencode";
    demandNotStopped(action, signal);
    const child = spawn(this.#opencode.executable(), ["--session", id], {
      cwd: directory,
      env: { ...this.#opencode.environment(), PWD: directory } as NodeJS.ProcessEnv,
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

  /** Does something with a server that lives just as long. */
  async #served<T>(
    directory: string,
    action: string,
    signal: AbortSignal,
    use: (client: OpencodeClient) => Promise<T>,
  ): Promise<T> {
    await this.#opencode.version();
    demandNotStopped(action, signal);
    const password = randomBytes(24).toString("base64url");
    const mark = randomUUID();
    const args = ["serve", "--hostname", "127.0.0.1", "--port", "0", "--pure"];
    const child = spawn(this.#opencode.executable(), args, {
      cwd: directory,
      env: {
        ...this.#opencode.environment(),
        PWD: directory,
        OPENCODE_SERVER_PASSWORD: password,
        OPENCODE_SERVER_USERNAME: "opencode",
        [turnMark(mark)]: "1",
      } as NodeJS.ProcessEnv,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    try {
      const baseUrl = await addressOf(child, signal);
      const secret = Buffer.from(`opencode:${password}`).toString("base64");
      return await use(createOpencodeClient({
        baseUrl,
        directory,
        headers: { authorization: `Basic ${secret}` },
        fetch: fetchUntil(signal) as typeof fetch,
      }));
    } catch (cause) {
      demandNotStopped(action, signal);
      throw errors.opencodeFailed(action, reasonOf(cause));
    } finally {
      await endTurnProcesses(mark, identity, 2000);
    }
  }
}

/** What makes something is seen through in spite of an abort: otherwise nobody would know what was made. */
function fetchUntil(stop: AbortSignal): (request: Request) => Promise<Response> {
  return (request) => {
    const late = AbortSignal.timeout(REQUEST_MS);
    const signal = request.method === "POST" ? late : AbortSignal.any([late, stop]);
    return fetch(request, { signal });
  };
}

/** @throws stopped */
function demandNotStopped(action: string, signal: AbortSignal): void {
  if (signal.aborted) throw errors.stopped(action, signal.reason);
}

/** Where the server listens, once it says so. */
function addressOf(child: ReturnType<typeof spawn>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`its server did not come up within ${START_MS / 1000} s`));
    const timer = setTimeout(late, START_MS);
    let lastWords = "";
    const settle = (then: () => void) => {
      clearTimeout(timer);
      then();
    };
    readLines(child.stdout!, (line) => {
      const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (url) settle(() => resolve(url));
    });
    readLines(child.stderr!, (line) => lastWords = line.trim() || lastWords);
    signal.addEventListener("abort", () => settle(() => reject(signal.reason)), { once: true });
    child.once("error", (error) => settle(() => reject(error)));
    child.once("exit", (code) => {
      settle(() => reject(new Error(lastWords || `its server exited with ${code}`)));
    });
  });
}

function wordsOf(error: unknown): string {
  const { data, message } = (error ?? {}) as { data?: { message?: string }; message?: string };
  return data?.message ?? message ?? "it gave no reason";
}
