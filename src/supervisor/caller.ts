/** Gets a request to the supervisor and its reply back. One is started where something is to be done and none runs. */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { errors, EXIT, KugetsuError } from "../errors.ts";
import { type MakesRoom, PROTOCOL, type Reply } from "./protocol.ts";
import { type Channel, connect } from "./socket.ts";

export interface CallerOptions {
  socket: string;
  log: string;
  version: string;
  /** Tells one executable from another of the same version. */
  build: string;
  /** A digest for each variable that counts. */
  environment(): Promise<Record<string, string>>;
  /** The command line of a supervisor. */
  command: string[];
  env: Record<string, string | undefined>;
  /** Makes the state folder fit for a supervisor, which could tell nobody why it is not. @throws unwritable, network-folder */
  prepare(): void;
  warn(text: string): void;
  debug(text: string): void;
}

/** It answers once it has taken up what an earlier one left. */
const START_MS = 60_000;
/** How often another supervisor is tried when one ends without an answer, or is killed before it has come up. */
export const TRIES = 3;

/**
 * How a supervisor ended that was started: by itself, with an error; by a signal that somebody sent it; or because it
 * found another one there, which may still be on its way, or end without ever having come up.
 */
type Ended = { by: "itself" | "signal"; why: string } | { by: "another" };

export type Asked = Record<string, unknown> & { ask: string };

export class Caller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** The supervisor that runs. */
  reach(): Promise<Channel | undefined> {
    return connect(this.#options.socket);
  }

  async isThere(): Promise<boolean> {
    const channel = await this.reach();
    channel?.destroy();
    return channel !== undefined;
  }

  /** The supervisor that runs, or a new one. @throws supervisor-failed */
  async open(): Promise<Channel> {
    const running = await this.reach();
    if (running) return running;
    const deadline = Date.now() + START_MS;
    let ended = this.#start();
    for (let kills = 0; Date.now() < deadline; await pause(10)) {
      const channel = await this.reach();
      if (channel) return channel;
      const end = ended();
      if (end === undefined) continue;
      if (end.by === "itself" || end.by === "signal" && ++kills === TRIES) {
        throw this.failed(end.why);
      }
      await pause(100);
      ended = this.#start();
    }
    throw this.failed(`it did not come up within ${START_MS / 1000} s`);
  }

  /** Asks the one that runs; undefined where none does. @throws its refusal; supervisor-failed after `limitMs` */
  async ask<T>(asked: Asked, limitMs?: number): Promise<T | undefined> {
    const channel = await this.reach();
    const reply = channel && await this.#converse(channel, asked, limitMs);
    return reply && result(reply as Reply);
  }

  /** Asks until there is an answer, of this supervisor or the next one. @throws its refusal, supervisor-failed */
  async insist<T>(asked: Asked): Promise<T> {
    for (let tries = 1;; tries++) {
      const channel = await this.open();
      const reply = await this.#converse(channel, asked);
      if (reply && !("ends" in reply)) {
        this.warnOf(reply);
        return result(reply);
      }
      if (tries === TRIES) throw this.failed("it ended without an answer");
    }
  }

  async say(channel: Channel, asked: Asked): Promise<void> {
    const { version, build } = this.#options;
    const environment = await this.#options.environment();
    channel.send({ protocol: PROTOCOL, version, build, environment, ...asked });
  }

  /** Warns where it is not the supervisor that would be started now. */
  warnOf(reply: Reply): void {
    if (!reply.ok) return;
    const { version: own, warn } = this.#options;
    const { other, changed = [] } = reply;
    const next = "to replace it while its turns go on, run: kugetsu supervisor restart";
    if (other !== undefined) {
      const which = other === own ? `another build of kugetsu ${own}` : `kugetsu ${other}`;
      warn(`The supervisor is of ${which}; ${next}`);
    }
    if (changed.length > 0) {
      const some = changed.slice(0, 6).join(", ") + (changed.length > 6 ? ", …" : "");
      warn(`The supervisor was started with other values of ${some}; ${next}`);
    }
  }

  failed(why: string): KugetsuError {
    return errors.supervisorFailed(why, this.#options.log);
  }

  async #converse(
    channel: Channel,
    asked: Asked,
    limitMs?: number,
  ): Promise<Reply | MakesRoom | undefined> {
    let isLate = false;
    const timer = limitMs && setTimeout(() => {
      isLate = true;
      channel.destroy();
    }, limitMs);
    try {
      await this.say(channel, asked);
      const reply = await channel.receive() as Reply | MakesRoom | undefined;
      if (isLate) throw this.failed(`it does not answer within ${limitMs! / 1000} s`);
      return reply;
    } finally {
      clearTimeout(timer);
      channel.destroy();
    }
  }

  /** Starts a supervisor. What comes back tells how it ended, once it has. */
  #start(): () => Ended | undefined {
    const { command: [file, ...args], env, log, prepare, debug } = this.#options;
    prepare();
    const output = openLog(log);
    const from = fstatSync(output).size;
    // Loaded here: whoever only looks starts nothing.
    const { spawn } = process.getBuiltinModule("node:child_process");
    const child = spawn(file!, args, {
      cwd: "/",
      env: env as NodeJS.ProcessEnv,
      detached: true,
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    child.unref();
    debug(`started a supervisor, pid ${child.pid}`);
    let ended: Ended | undefined;
    child.once("error", (error) => ended = { by: "itself", why: error.message });
    child.once("exit", (code, signal) => {
      if (signal !== null) ended = { by: "signal", why: `it was ended by ${signal}` };
      else if (code === EXIT.ok) ended = { by: "another" };
      else ended = { by: "itself", why: lastWord(log, from) ?? `it ended with ${code}` };
    });
    return () => ended;
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
export function result<T>(reply: Reply): T {
  if (reply.ok) return (reply.result ?? undefined) as T;
  throw new KugetsuError(reply.error);
}
