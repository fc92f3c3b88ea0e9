/** The supervisor as commands see it: what they ask of it, and what they follow, whichever of them answers. */
import { setTimeout as pause } from "node:timers/promises";
import { errors, reasonOf } from "../errors.ts";
import type { Answer, Ask, ServerDoor } from "../runner/mod.ts";
import { Caller, type CallerOptions, result, TRIES } from "./caller.ts";
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
import type { MakesRoom, Reply } from "./protocol.ts";
import type { Channel } from "./socket.ts";

export interface ClientOptions extends CallerOptions {
  traces: Pick<Traces, "transcript" | "hasAccepted">;
  /** Whether a supervisor that was killed has left something that runs. */
  hasLeft(): boolean;
}

/** What needs no turn to get on is answered at once by one that is well. */
const ANSWER_MS = 10_000;
/** How long whoever keeps one running, such as systemd, may take to start it again. */
const FOLLOWS_MS = 5000;
/** How often whoever follows an issue looks for a supervisor. */
const LOOK_MS = 300;
/** How long whoever uses a server that the supervisor does not reach waits until he asks again. */
const REFUSED_MS = 5000;

export class SupervisorClient implements Supervisor {
  readonly #options: ClientOptions;
  readonly #caller: Caller;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#caller = new Caller(options);
  }

  async submit(submission: Submission): Promise<Accepted> {
    // Handed in again where the answer was lost: the same id is the same turn, and was not there before this call.
    const accepted = await this.#caller.insist<Accepted>({ ask: "submit", submission });
    return { ...accepted, again: accepted.again && accepted.turn !== submission.id };
  }

  async *follow(
    what: { key: string; turn?: string; after?: number },
    signal: AbortSignal,
  ): AsyncGenerator<Line> {
    let after = what.after ?? 0;
    while (!signal.aborted) {
      const channel = what.turn === undefined
        ? await this.#caller.reach()
        : await this.#caller.open();
      if (!channel) {
        for (const line of await this.#options.traces.transcript(what.key, after)) {
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
        await this.#caller.say(channel, { ask: "follow", ...what, after });
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
    return await this.#caller.ask<Stopped[]>({ ask: "stop", keys, signal }) ?? [];
  }

  async answer(key: string, askId: string, answer: Answer): Promise<Ask> {
    const ask = await this.#caller.ask<Ask>({ ask: "answer", key, ask_id: askId, answer });
    if (!ask) throw errors.nothingAsked(key);
    return ask;
  }

  async wake(): Promise<boolean> {
    if (await this.#caller.isThere() || !this.#options.traces.hasAccepted()) return false;
    (await this.#caller.open()).destroy();
    return true;
  }

  async server(where: Borrowed): Promise<LentServer> {
    for (let tries = 1;; tries++) {
      const channel = await this.#caller.open();
      const reply = await this.#borrow(channel, where);
      if (reply) {
        this.#caller.warnOf(reply);
        const { url, password } = result<ServerDoor>(reply);
        const given = new AbortController();
        this.#staysLent(channel, where, url, given.signal).catch((error) =>
          this.#options.debug(`the supervisor is not told who is attached: ${reasonOf(error)}`)
        );
        return { url, password, giveBack: () => given.abort() };
      }
      if (tries === TRIES) throw this.#caller.failed("it ended without an answer");
    }
  }

  /** Undefined where that supervisor ends. The channel stays open only with a server. */
  async #borrow(channel: Channel, where: Borrowed, url?: string): Promise<Reply | undefined> {
    let isLent = false;
    try {
      await this.#caller.say(channel, { ask: "server", where, url });
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
    let wait = LOOK_MS;
    while (!given.aborted) {
      if (channel) await Promise.race([channel.closed, isGiven]);
      else await pause(wait, undefined, { signal: given, ref: false }).catch(() => {});
      if (given.aborted) break;
      channel = await this.#caller.reach();
      const reply = channel && await this.#borrow(channel, where, url);
      if (!reply?.ok) channel = undefined;
      // One that does not answer now may do so later; whether it is gone is seen by whoever uses it.
      wait = reply?.ok === false ? REFUSED_MS : LOOK_MS;
    }
    channel?.destroy();
  }

  status(): Promise<SupervisorStatus | undefined> {
    return this.#caller.ask({ ask: "status" }, ANSWER_MS);
  }

  start(): Promise<SupervisorStatus> {
    return this.#caller.insist({ ask: "status" });
  }

  async shutdown(options: Shutdown): Promise<boolean> {
    const { traces, hasLeft } = this.#options;
    const asked = { ask: "shutdown", ...options };
    const isLeft = () => traces.hasAccepted() || hasLeft();
    // A supervisor knows best how to end what another one has left.
    const how = await this.#caller.ask<"ends" | "follows">(asked) ??
      (isLeft() ? await this.#caller.insist<"ends" | "follows">(asked) : undefined);
    if (!how) return false;
    while (await this.#caller.isThere()) await pause(20);
    const deadline = Date.now() + FOLLOWS_MS;
    while (how === "follows" && Date.now() < deadline && !await this.#caller.isThere()) {
      await pause(20);
    }
    return true;
  }
}
