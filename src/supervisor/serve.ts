/** The supervisor's process: takes its lock, takes up what is left, serves its socket, and ends when it is idle. */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { dirname } from "node:path";
import { errors, KugetsuError, partsOf } from "../errors.ts";
import type { Keeper } from "./keeper.ts";
import type { Line, SupervisorStatus } from "./mod.ts";
import { parseRequest, type Reply, type Request } from "./protocol.ts";
import { type Channel, listen } from "./socket.ts";

export interface ServeOptions {
  socket: string;
  keeper: Keeper;
  /** After so long without a turn and a client the supervisor ends. */
  idleSeconds: number;
  status(): Omit<SupervisorStatus, "turns">;
  debug(text: string): void;
}

/** Resolves when the supervisor is to end: idle, told to, or by `signal`. Turns that run then go on on the server. */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const serving = new Serving(options);
  await options.keeper.recover();
  await serving.until(signal);
}

class Serving {
  readonly #options: ServeOptions;
  readonly #channels = new Set<Channel>();
  readonly #over = Promise.withResolvers<void>();
  #lastUse = Date.now();

  constructor(options: ServeOptions) {
    this.#options = options;
  }

  async until(signal: AbortSignal): Promise<void> {
    const { socket } = this.#options;
    const server = await this.#listen(socket);
    const end = () => this.#over.resolve();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const watch = setInterval(() => this.#watchIdle(), 500);
    await this.#over.promise;
    clearInterval(watch);
    await this.#close(server);
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

  #watchIdle(): void {
    const { keeper, idleSeconds } = this.#options;
    if (this.#channels.size > 0 || !keeper.isIdle) this.#lastUse = Date.now();
    else if (Date.now() - this.#lastUse > idleSeconds * 1000) this.#over.resolve();
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
    try {
      channel.send({ ok: true, result: await this.#answer(request) ?? null });
    } catch (error) {
      channel.send(refusal(error));
    }
  }

  #answer(request: Exclude<Request, { ask: "follow" }>): Promise<unknown> | unknown {
    const { keeper, status } = this.#options;
    switch (request.ask) {
      case "submit":
        return keeper.submit(request.submission);
      case "stop":
        return keeper.stop(request.keys, request.signal);
      case "answer":
        return keeper.answer(request.key, request.answer);
      case "status":
        return { ...status(), turns: keeper.turns() };
      case "shutdown":
        return this.#shutdown(request.stop_turns);
    }
  }

  async #shutdown(stopTurns: boolean): Promise<boolean> {
    const { keeper } = this.#options;
    const turns = keeper.turns().length;
    if (turns > 0 && !stopTurns) {
      throw errors.supervisorBusy(turns);
    }
    await keeper.stop("all", "SIGTERM");
    setTimeout(() => this.#over.resolve(), 10);
    return true;
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

function refusal(error: unknown): Reply {
  return { ok: false, error: partsOf(error) };
}
