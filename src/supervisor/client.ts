/** The supervisor as commands see it: reached through its socket, and started when something is to be done. */
import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { errors, EXIT, KugetsuError } from "../errors.ts";
import type { Ask } from "../runner/mod.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Accepted, Line, Submission, Supervisor, SupervisorStatus } from "./mod.ts";
import { PROTOCOL, type Reply } from "./protocol.ts";
import { type Channel, connect } from "./socket.ts";

export interface ClientOptions {
  socket: string;
  log: string;
  mailbox: Mailbox;
  version: string;
  /** The command line of a supervisor. */
  command: string[];
  env: Record<string, string | undefined>;
  /** Makes the state folder fit for a supervisor, which could tell nobody why it is not. @throws unwritable, network-folder */
  prepare(): void;
  debug(text: string): void;
}

/** It answers once it has taken up what an earlier one left. */
const START_MS = 30_000;

/**
 * How one ends that found another one there: without an error. That one may still be on its way, or end without ever
 * having come up.
 */
const SECOND = "another one runs";

type Asked = Record<string, unknown> & { ask: string };

export class SupervisorClient implements Supervisor {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  submit(submission: Submission): Promise<Accepted> {
    // Handed in again where the answer was lost: the same id is the same turn.
    return this.#insist({ ask: "submit", submission });
  }

  async *follow(
    what: { key: string; turn?: string; after?: number },
    signal: AbortSignal,
  ): AsyncGenerator<Line> {
    let after = what.after ?? 0;
    while (!signal.aborted) {
      const channel = await this.#open();
      const leave = () => channel.destroy();
      signal.addEventListener("abort", leave, { once: true });
      try {
        channel.send(this.#message({ ask: "follow", ...what, after }));
        for (
          let said = await channel.receive();
          said !== undefined;
          said = await channel.receive()
        ) {
          const message = said as Reply | { line: Line } | { end: true };
          if ("end" in message) return;
          if ("line" in message) {
            after = message.line.seq;
            yield message.line;
          } else result(message);
        }
      } finally {
        signal.removeEventListener("abort", leave);
        channel.destroy();
      }
      // It ended without saying so: the next one goes on from here.
    }
  }

  async stop(keys: string[] | "all", signal: "SIGINT" | "SIGTERM"): Promise<string[]> {
    return await this.#askIfThere<string[]>({ ask: "stop", keys, signal }) ?? [];
  }

  async answer(key: string, answer: Parameters<Supervisor["answer"]>[1]): Promise<Ask> {
    const ask = await this.#askIfThere<Ask>({ ask: "answer", key, answer });
    if (!ask) throw errors.nothingAsked(key);
    return ask;
  }

  async wake(): Promise<boolean> {
    const running = await connect(this.#options.socket);
    running?.destroy();
    if (running || !this.#options.mailbox.hasAccepted()) return false;
    (await this.#open()).destroy();
    return true;
  }

  status(): Promise<SupervisorStatus | undefined> {
    return this.#askIfThere({ ask: "status" });
  }

  async shutdown({ stopTurns }: { stopTurns: boolean }): Promise<boolean> {
    const done = await this.#askIfThere<boolean>({ ask: "shutdown", stop_turns: stopTurns });
    if (!done) return false;
    while (await connect(this.#options.socket).then((it) => (it?.destroy(), it !== undefined))) {
      await pause(20);
    }
    return true;
  }

  /** Asks until there is an answer, of this supervisor or the next one. */
  async #insist<T>(asked: Asked): Promise<T> {
    for (let tries = 1;; tries++) {
      const channel = await this.#open();
      const reply = await this.#converse(channel, asked);
      if (reply) return result(reply);
      if (tries === 3) throw this.#failed("it ended without an answer");
    }
  }

  async #askIfThere<T>(asked: Asked): Promise<T | undefined> {
    const channel = await connect(this.#options.socket);
    const reply = channel && await this.#converse(channel, asked);
    return reply && result(reply);
  }

  async #converse(channel: Channel, asked: Asked): Promise<Reply | undefined> {
    try {
      channel.send(this.#message(asked));
      return await channel.receive() as Reply | undefined;
    } finally {
      channel.destroy();
    }
  }

  #message(asked: Asked): unknown {
    return { protocol: PROTOCOL, version: this.#options.version, ...asked };
  }

  /** The supervisor that runs, or a new one. @throws supervisor-failed */
  async #open(): Promise<Channel> {
    const running = await connect(this.#options.socket);
    if (running) return running;
    const deadline = Date.now() + START_MS;
    let ended = this.#start();
    while (Date.now() < deadline) {
      const channel = await connect(this.#options.socket);
      if (channel) return channel;
      const how = ended();
      if (how === SECOND) {
        await pause(100);
        ended = this.#start();
      } else if (how !== undefined) throw this.#failed(how);
      await pause(10);
    }
    throw this.#failed(`it did not come up within ${START_MS / 1000} s`);
  }

  /** Starts a supervisor. What comes back tells how it ended, once it has. */
  #start(): () => string | undefined {
    const { command: [file, ...args], env, log, prepare, debug } = this.#options;
    prepare();
    const output = openLog(log);
    const from = fstatSync(output).size;
    const child = spawn(file!, args, {
      cwd: "/",
      env: env as NodeJS.ProcessEnv,
      detached: true,
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    child.unref();
    debug(`started a supervisor, pid ${child.pid}`);
    let ended: string | undefined;
    child.once("error", (error) => ended = error.message);
    child.once("exit", (code, signal) => {
      ended = code === EXIT.ok ? SECOND : lastWord(log, from) ?? `it ended with ${signal ?? code}`;
    });
    return () => ended;
  }

  #failed(why: string): KugetsuError {
    return errors.supervisorFailed(why, this.#options.log);
  }
}

/** @throws unwritable */
function openLog(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, "a", 0o600);
  } catch (cause) {
    throw errors.unwritable(path, cause);
  }
}

/** The last that was said there, without its time. */
function lastWord(log: string, from: number): string | undefined {
  try {
    const line = readFileSync(log).subarray(from).toString().trimEnd().split("\n").at(-1);
    return line?.replace(/^\S+Z /, "") || undefined;
  } catch {
    return undefined;
  }
}

/** @throws the error of a refusal, as it was there */
function result<T>(reply: Reply): T {
  if (reply.ok) return (reply.result ?? undefined) as T;
  throw new KugetsuError(reply.error);
}
