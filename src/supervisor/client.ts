/** The supervisor as commands see it: reached through its socket, and started when something is to be done. */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { errors, EXIT, KugetsuError, reasonOf } from "../errors.ts";
import type { Answer, Ask, ServerDoor } from "../runner/mod.ts";
import type {
  Accepted,
  Borrowed,
  LentServer,
  Line,
  Shutdown,
  Stopped,
  Submission,
  Supervisor,
  SupervisorStatus,
  Traces,
} from "./mod.ts";
import { type MakesRoom, PROTOCOL, type Reply } from "./protocol.ts";
import { type Channel, connect } from "./socket.ts";

export interface ClientOptions {
  socket: string;
  log: string;
  traces: Pick<Traces, "transcript" | "hasAccepted">;
  version: string;
  /** Tells one executable from another of the same version. */
  build: string;
  /** A digest for each variable that counts. */
  environment(): Record<string, string>;
  /** Whether a supervisor that was killed has left something that runs. */
  hasLeft(): boolean;
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
const TRIES = 3;
/** What needs no turn to get on is answered at once by one that is well. */
const ANSWER_MS = 10_000;
/** How long whoever keeps one running, such as systemd, may take to start it again. */
const FOLLOWS_MS = 5000;

/** How often whoever follows an issue looks for a supervisor. */
const LOOK_MS = 300;

/**
 * How a supervisor ended that was started: by itself, with an error; by a signal that somebody sent it; or because it
 * found another one there, which may still be on its way, or end without ever having come up.
 */
type Ended = { by: "itself" | "signal"; why: string } | { by: "another" };

type Asked = Record<string, unknown> & { ask: string };

export class SupervisorClient implements Supervisor {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async submit(submission: Submission): Promise<Accepted> {
    // Handed in again where the answer was lost: the same id is the same turn, and was not there before this call.
    const accepted = await this.#insist<Accepted>({ ask: "submit", submission });
    return { ...accepted, again: accepted.again && accepted.turn !== submission.id };
  }

  async *follow(
    what: { key: string; turn?: string; after?: number },
    signal: AbortSignal,
  ): AsyncGenerator<Line> {
    let after = what.after ?? 0;
    while (!signal.aborted) {
      const channel = what.turn === undefined
        ? await connect(this.#options.socket)
        : await this.#open();
      if (!channel) {
        for (const line of await this.#options.traces.transcript(what.key)) {
          if (line.seq <= after) continue;
          after = line.seq;
          yield line;
        }
        await pause(LOOK_MS, undefined, { signal }).catch(() => {});
        continue;
      }
      const leave = () => channel.destroy();
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
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

  async stop(keys: string[] | "all", signal: "SIGINT" | "SIGTERM"): Promise<Stopped[]> {
    return await this.#askIfThere<Stopped[]>({ ask: "stop", keys, signal }) ?? [];
  }

  async answer(key: string, askId: string, answer: Answer): Promise<Ask> {
    const ask = await this.#askIfThere<Ask>({ ask: "answer", key, ask_id: askId, answer });
    if (!ask) throw errors.nothingAsked(key);
    return ask;
  }

  async wake(): Promise<boolean> {
    if (await this.#isThere() || !this.#options.traces.hasAccepted()) return false;
    (await this.#open()).destroy();
    return true;
  }

  async server(where: Borrowed): Promise<LentServer> {
    for (let tries = 1;; tries++) {
      const channel = await this.#open();
      const reply = await this.#borrow(channel, where);
      if (reply) {
        this.#warnOf(reply);
        const { url, password } = result<ServerDoor>(reply);
        const given = new AbortController();
        this.#staysLent(channel, where, url, given.signal).catch((error) =>
          this.#options.debug(`the supervisor is not told who is attached: ${reasonOf(error)}`)
        );
        return { url, password, giveBack: () => given.abort() };
      }
      if (tries === TRIES) throw this.#failed("it ended without an answer");
    }
  }

  /** Undefined where that supervisor ends. The channel stays open only with a server. */
  async #borrow(channel: Channel, where: Borrowed, url?: string): Promise<Reply | undefined> {
    let isLent = false;
    try {
      channel.send(this.#message({ ask: "server", where, url }));
      const reply = await channel.receive() as Reply | MakesRoom | undefined;
      if (!reply || "ends" in reply) return undefined;
      isLent = reply.ok;
      return reply;
    } finally {
      if (!isLent) channel.destroy();
    }
  }

  /** The next supervisor has to know of it too, when this one ends or is killed; none is started for that. */
  async #staysLent(
    lent: Channel,
    where: Borrowed,
    url: string,
    given: AbortSignal,
  ): Promise<void> {
    let channel: Channel | undefined = lent;
    const isGiven = new Promise<void>((then) => given.addEventListener("abort", () => then()));
    while (!given.aborted) {
      if (channel) await Promise.race([channel.closed, isGiven]);
      else await pause(LOOK_MS, undefined, { signal: given, ref: false }).catch(() => {});
      if (given.aborted) break;
      channel = await connect(this.#options.socket);
      if (channel && !(await this.#borrow(channel, where, url))?.ok) channel = undefined;
    }
    channel?.destroy();
  }

  status(): Promise<SupervisorStatus | undefined> {
    return this.#askIfThere({ ask: "status" }, ANSWER_MS);
  }

  start(): Promise<SupervisorStatus> {
    return this.#insist({ ask: "status" });
  }

  async shutdown(options: Shutdown): Promise<boolean> {
    const { traces, hasLeft } = this.#options;
    const asked = { ask: "shutdown", ...options };
    const isLeft = () => traces.hasAccepted() || hasLeft();
    // A supervisor knows best how to end what another one has left.
    const how = await this.#askIfThere<"ends" | "follows">(asked) ??
      (isLeft() ? await this.#insist<"ends" | "follows">(asked) : undefined);
    if (!how) return false;
    while (await this.#isThere()) await pause(20);
    const deadline = Date.now() + FOLLOWS_MS;
    while (how === "follows" && Date.now() < deadline && !await this.#isThere()) await pause(20);
    return true;
  }

  async #isThere(): Promise<boolean> {
    const channel = await connect(this.#options.socket);
    channel?.destroy();
    return channel !== undefined;
  }

  /** Asks until there is an answer, of this supervisor or the next one. */
  async #insist<T>(asked: Asked): Promise<T> {
    for (let tries = 1;; tries++) {
      const channel = await this.#open();
      const reply = await this.#converse(channel, asked);
      if (reply && !("ends" in reply)) {
        this.#warnOf(reply);
        return result(reply);
      }
      if (tries === TRIES) throw this.#failed("it ended without an answer");
    }
  }

  #warnOf(reply: Reply): void {
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

  async #askIfThere<T>(asked: Asked, limitMs?: number): Promise<T | undefined> {
    const channel = await connect(this.#options.socket);
    const reply = channel && await this.#converse(channel, asked, limitMs);
    return reply && result(reply as Reply);
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
      channel.send(this.#message(asked));
      const reply = await channel.receive() as Reply | MakesRoom | undefined;
      if (isLate) throw this.#failed(`it does not answer within ${limitMs! / 1000} s`);
      return reply;
    } finally {
      clearTimeout(timer);
      channel.destroy();
    }
  }

  #message(asked: Asked): unknown {
    const { version, build, environment } = this.#options;
    return { protocol: PROTOCOL, version, build, environment: environment(), ...asked };
  }

  /** The supervisor that runs, or a new one. @throws supervisor-failed */
  async #open(): Promise<Channel> {
    const running = await connect(this.#options.socket);
    if (running) return running;
    const deadline = Date.now() + START_MS;
    let ended = this.#start();
    for (let kills = 0; Date.now() < deadline; await pause(10)) {
      const channel = await connect(this.#options.socket);
      if (channel) return channel;
      const end = ended();
      if (end === undefined) continue;
      if (end.by === "itself" || end.by === "signal" && ++kills === TRIES) {
        throw this.#failed(end.why);
      }
      await pause(100);
      ended = this.#start();
    }
    throw this.#failed(`it did not come up within ${START_MS / 1000} s`);
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
