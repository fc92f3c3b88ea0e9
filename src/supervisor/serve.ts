/** The supervisor's process: takes its lock, takes up what is left, serves its socket, and ends when it is idle. */
import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { dirname } from "node:path";
import { errors, KugetsuError, partsOf } from "../errors.ts";
import { differing } from "../platform/environment.ts";
import type { Keeper } from "./keeper.ts";
import type { Borrowed, Line, Shutdown, SupervisorStatus } from "./mod.ts";
import type { ServerDoor } from "../runner/mod.ts";
import type { MakesRoom, Reply } from "./protocol.ts";
import { parseRequest, type Request } from "./requests.ts";
import { type Channel, listen } from "./socket.ts";

export interface ServeOptions {
  socket: string;
  keeper: Keeper;
  /** After so long without a turn and a client it is idle. */
  idleSeconds: number;
  /** opencode's server for a folder, or the one of an address that an earlier supervisor had lent. */
  server(where: Borrowed, url?: string): Promise<ServerDoor & { release(): void }>;
  /** What an idle one does instead of ending. */
  rest?: (() => Promise<void>) | undefined;
  /** Tells one executable from another of the same version. */
  build: string;
  /** A digest for each variable that counts. */
  environment: Record<string, string>;
  status(): Omit<SupervisorStatus, "turns" | "attached">;
  debug(text: string): void;
}

/** Why it ends; `again` when another one is to follow. */
export type Ending = "over" | "again";

/**
 * Resolves when the supervisor is to end: idle, told to, by `signal`, or because its socket was taken away. Turns that
 * run then go on on the server.
 */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<Ending> {
  const serving = new Serving(options);
  await options.keeper.recover();
  return await serving.until(signal);
}

class Serving {
  readonly #options: ServeOptions;
  readonly #channels = new Set<Channel>();
  readonly #over = Promise.withResolvers<Ending>();
  #lastUse = Date.now();
  /** The issues on which somebody uses a server of opencode's by hand, each by his own channel. */
  readonly #lent = new Map<Channel, string>();
  #isResting = false;

  constructor(options: ServeOptions) {
    this.#options = options;
  }

  async until(signal: AbortSignal): Promise<Ending> {
    const { socket } = this.#options;
    const server = await this.#listen(socket);
    const end = () => this.#over.resolve("over");
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const watch = setInterval(() => this.#look(), 500);
    const ending = await this.#over.promise;
    clearInterval(watch);
    await this.#close(server);
    return ending;
  }

  /** @throws unwritable */
  async #listen(socket: string): Promise<Server> {
    try {
      mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
      // Whoever holds the lock is the only one: what lies there was left by one that died.
      rmSync(socket, { force: true });
      const server = await listen(socket, (channel) => this.#onChannel(channel));
      chmodSync(socket, 0o600);
      return server;
    } catch (cause) {
      throw cause instanceof KugetsuError ? cause : errors.unwritable(socket, cause);
    }
  }

  async #close(server: Server): Promise<void> {
    try {
      rmSync(this.#options.socket, { force: true });
    } catch { /* nobody listens there any more: the next one takes it away */ }
    for (const channel of this.#channels) channel.end();
    server.close();
    await Promise.race([
      Promise.all([...this.#channels].map((it) => it.closed)),
      new Promise((late) => setTimeout(late, 1000)),
    ]);
    for (const channel of this.#channels) channel.destroy();
  }

  #look(): void {
    const { socket, keeper, idleSeconds, rest, debug } = this.#options;
    if (!existsSync(socket)) {
      // Nobody can reach it any more: whoever needs a supervisor starts another one.
      debug("the socket is gone");
      return this.#over.resolve("over");
    }
    if (this.#channels.size > 0 || !keeper.isIdle) {
      this.#lastUse = Date.now();
      this.#isResting = false;
    } else if (!this.#isResting && Date.now() - this.#lastUse > idleSeconds * 1000) {
      this.#isResting = true;
      if (!rest) return this.#over.resolve("over");
      rest().catch((error) => debug(`resting: ${error}`));
    }
  }

  #onChannel(channel: Channel): void {
    this.#channels.add(channel);
    this.#lastUse = Date.now();
    channel.closed.then(() => this.#channels.delete(channel));
    this.#converse(channel).catch((error) => this.#options.debug(`a client: ${error}`))
      .finally(() => channel.end());
  }

  async #converse(channel: Channel): Promise<void> {
    const said = await channel.receive();
    if (said === undefined) return;
    const request = parseRequest(said);
    if (!request) {
      const why = "it does not understand this version of kugetsu";
      return channel.send(refusal(errors.supervisorOlder(why)));
    }
    this.#options.debug(`asked to ${request.ask}`);
    if (request.ask === "follow") return await this.#follow(channel, request);
    const isOther = !this.#isOfThisBuild(request);
    const changed = this.#changedFor(request);
    if (needsTheRight(request) && (isOther || changed.length > 0) && this.#mayMakeRoom(isOther)) {
      channel.send({ ends: true } satisfies MakesRoom);
      return this.#over.resolve("again");
    }
    const other = {
      ...(isOther ? { other: this.#options.status().version } : {}),
      ...(changed.length > 0 ? { changed } : {}),
    };
    try {
      if (request.ask === "server") return await this.#lend(channel, request, other);
      channel.send({ ok: true, result: await this.#answer(request) ?? null, ...other });
    } catch (error) {
      channel.send(refusal(error));
    }
  }

  /** Until the channel is closed. */
  async #lend(
    channel: Channel,
    { where, url: before }: Extract<Request, { ask: "server" }>,
    other: object,
  ): Promise<void> {
    this.#lent.set(channel, where.key);
    try {
      const { url, password, release } = await this.#options.server(where, before);
      channel.send({ ok: true, result: { url, password }, ...other });
      await channel.closed;
      release();
    } finally {
      this.#lent.delete(channel);
    }
  }

  /** The issues on which somebody has opencode's interface open. */
  get #attached(): string[] {
    return [...new Set(this.#lent.values())];
  }

  /** One that is kept running gets its environment from whoever keeps it, the next time too. */
  #mayMakeRoom(isOther: boolean): boolean {
    const { keeper, rest } = this.#options;
    return keeper.hasNothing && this.#lent.size === 0 && (isOther || rest === undefined);
  }

  #changedFor({ environment }: Request): string[] {
    return environment ? differing(this.#options.environment, environment) : [];
  }

  #isOfThisBuild({ version, build }: Request): boolean {
    const { status, build: own } = this.#options;
    return version === status().version && build === own;
  }

  #answer(request: Exclude<Request, { ask: "follow" | "server" }>): Promise<unknown> | unknown {
    const { keeper, status } = this.#options;
    switch (request.ask) {
      case "submit":
        return keeper.submit(request.submission);
      case "stop":
        return keeper.stop(request.keys, request.signal);
      case "answer":
        return keeper.answer(request.key, request.ask_id, request.answer);
      case "status":
        return { ...status(), turns: keeper.turns(), attached: this.#attached };
      case "shutdown":
        return this.#shutdown(request);
    }
  }

  /** Another one follows by itself where somebody keeps one running. */
  async #shutdown({ turns, again = false }: Shutdown): Promise<"ends" | "follows"> {
    const { keeper, rest } = this.#options;
    const lost = turns === "leave" ? keeper.bound : keeper.turns().length;
    const attached = this.#attached;
    if (turns !== "stop" && lost + attached.length > 0) throw errors.supervisorBusy(lost, attached);
    if (turns === "stop") await keeper.stop("all", "SIGTERM");
    setTimeout(() => this.#over.resolve(again ? "again" : "over"), 10);
    return again && rest ? "follows" : "ends";
  }

  async #follow(channel: Channel, request: Extract<Request, { ask: "follow" }>): Promise<void> {
    const { key, turn, after } = request;
    const left = new AbortController();
    channel.closed.then(() => left.abort());
    const what = {
      key,
      ...(turn === undefined ? {} : { turn }),
      ...(after === undefined ? {} : { after }),
    };
    let began = false;
    const begin = () => {
      if (!began) channel.send({ ok: true, result: null });
      began = true;
    };
    try {
      await this.#options.keeper.follow(what, (line: Line) => {
        begin();
        channel.send({ line });
      }, left.signal);
      begin();
      channel.send({ end: true });
    } catch (error) {
      channel.send(refusal(error));
    }
  }
}

/** What begins work has to be done by the right build, in the right environment. */
function needsTheRight(request: Request): boolean {
  return request.ask === "submit" || (request.ask === "server" && request.url === undefined);
}

function refusal(error: unknown): Reply {
  return { ok: false, error: partsOf(error) };
}
