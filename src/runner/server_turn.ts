/**
 * One turn on opencode's server: a session in its folder, a message sent to it, and an end.
 *
 * The stream of events shows it as it goes (server_sights.ts); whatever that missed is found in the messages that the
 * server has stored (server_reconciler.ts).
 */
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import { KugetsuError, reasonOf } from "../errors.ts";
import { endProcesses } from "../platform/processes.ts";
import { within } from "../platform/within.ts";
import type { Answer, StopReason, TurnEvent, TurnRequest, TurnResult, TurnWatch } from "./mod.ts";
import { outcomeOf, type Sight } from "./reducer.ts";
import type { ServerEvent } from "./server_events.ts";
import type { Lease, Servers } from "./server_runner.ts";
import type { Connection } from "./opencode_server.ts";
import { Asks } from "./server_asks.ts";
import { Reconciler } from "./server_reconciler.ts";
import {
  abortSession,
  folderOf,
  forkSession,
  isFresh,
  knowsAgent,
  moveSession,
  newestMessage,
  newMessageId,
  NO_SESSION,
  type Placed,
  sendMessage,
  ServerSaid,
} from "./server_session.ts";
import { Sights } from "./server_sights.ts";
import { folderMarks } from "./shell_wrapper.ts";
import { Telling } from "./telling.ts";
import { Watchdog } from "./watchdog.ts";

/** How long opencode gets to end a turn by itself, and then its processes. */
const GRACE_MS = 3000;
/** How long a turn that is to end waits for its session, which may be on its way. */
const PLACING_MS = 10_000;

/** One turn under way. */
export class ServerTurn {
  readonly directory: string;
  readonly #servers: Servers;
  readonly #request: TurnRequest;
  readonly #watch: TurnWatch;
  /** Whether no other turn runs in this folder, so that all that was started in it is this one's. */
  readonly #alone: () => boolean;
  readonly #over = Promise.withResolvers<void>();
  readonly #dog: Watchdog;
  readonly #sights: Sights;
  readonly #asks: Asks;
  readonly #telling = new Telling(() => this.#stop({ see: "stop", reason: "SIGTERM" }));
  #client: OpencodeClient | undefined;
  #connection: Connection | undefined;
  #session: string | undefined;
  #messageId: string | undefined;
  #placing: Promise<string | undefined> | undefined;
  /** Whether the server has said that it has the message. */
  #wasTaken = false;
  /** Once the message was sent. */
  #reconciler: Reconciler | undefined;
  #stopping: Promise<void> | undefined;

  constructor(servers: Servers, request: TurnRequest, watch: TurnWatch, alone: () => boolean) {
    this.directory = request.directory;
    this.#servers = servers;
    this.#request = request;
    this.#messageId = request.messageId;
    this.#watch = watch;
    this.#alone = alone;
    this.#dog = new Watchdog(request.limits, (limit, seconds) => {
      this.#stop({ see: "limit", limit, seconds });
    });
    this.#sights = new Sights({
      directory: request.directory,
      show: (event) => this.#show(event),
      strays: (directory) => this.#strays(directory),
    });
    this.#asks = new Asks({
      policy: request.permissions,
      seconds: request.limits.answer,
      client: () => this.#client,
      denied: (denied) => {
        this.#see({ see: "remark", remark: denied });
        this.#show(denied);
      },
      opened: (ask) => {
        this.#dog.pause();
        this.#show({ kind: "asks", ask });
      },
      answered: (id, answer) => {
        this.#show({ kind: "answered", id, ...(answer ? { answer } : {}) });
        this.#dog.resume();
      },
      unanswered: ({ what }) => {
        this.#stop({ see: "blocked", detail: `nobody answered in time: it wanted ${what}` });
      },
    });
  }

  async run(signal: AbortSignal): Promise<TurnResult> {
    const cancel = () => this.#stop({ see: "stop", reason: signal.reason as StopReason });
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (signal.aborted) cancel();
      else await Promise.race([this.#live(), this.#over.promise]);
    } finally {
      this.#dog.stop();
      this.#asks.close();
      signal.removeEventListener("abort", cancel);
    }
    await this.#stopping;
    await this.#telling.over();
    return {
      outcome: outcomeOf(this.#sights.progress),
      session: this.#session,
      text: this.#sights.progress.text,
    };
  }

  async #live(): Promise<void> {
    this.#dog.start();
    let lease: Lease;
    try {
      lease = await this.#servers.forTurn(this.#request);
    } catch (error) {
      // A server that does not come up may do so the next time; what else is wrong will be wrong then, too.
      const mayPass = error instanceof KugetsuError && error.code === "opencode-failed";
      if (!mayPass) throw error;
      return this.#see({ see: "spawn-failed", why: reasonOf(error) });
    }
    try {
      await this.#on(lease);
    } catch {
      // It could not be reached: the turn is over, wherever it was.
      this.#see({ see: "server-gone", sent: this.#isSent });
    } finally {
      lease.release();
    }
  }

  async #on({ connection, isOutdated }: Lease): Promise<void> {
    if (this.#stopping) return;
    const client = connection.client(this.directory);
    this.#client = client;
    this.#connection = connection;
    await this.#telling.tell(() => this.#watch.started(undefined));
    // So that it reads them again; but not under a turn that is under way.
    if (isOutdated && this.#alone()) await client.instance.dispose();
    const session = await (this.#placing = this.#place(client));
    if (session === undefined || this.#stopping) return;
    const silence = connection.events.listen(session, {
      event: (event) => this.#onEvent(event),
      missed: () => this.#reconciler?.missed(),
      gone: () => {
        this.#see({ see: "server-gone", sent: this.#isSent });
        this.#over.resolve();
      },
    });
    try {
      await this.#send(client, session);
      await this.#over.promise;
    } finally {
      this.#reconciler?.stop();
      silence();
    }
  }

  /** The session in its folder, read back and compared; undefined if there is none, which is then seen. */
  async #place(client: OpencodeClient): Promise<string | undefined> {
    const { kind, session: given, title, agent } = this.#request;
    const { events } = this.#connection!;
    try {
      const found = kind === "fork"
        ? await this.#fork(client, given)
        : { id: given, directory: events.folderOf(given) ?? await folderOf(client, given) };
      if (!found) return undefined;
      const session = this.#session = found.id;
      if (kind === "fork") await this.#nameMessage(session);
      if (this.#telling.hasFailed) return undefined;
      const isThere = found.directory === this.directory;
      if (!isThere) await moveSession(client, session, this.directory);
      // The first requests in a folder wait until opencode has set itself up there: one wait for both.
      const [directory] = await Promise.all([
        isThere ? this.directory : folderOf(client, session),
        title !== undefined && client.session.update({ sessionID: session, title }),
      ]);
      if (directory !== this.directory) return void this.#see({ see: "misplaced", directory });
      events.wasIn(session, directory);
      if (agent === undefined || await knowsAgent(client, agent)) return session;
      this.#see({ see: "remark", remark: { kind: "agent-unknown", agent } });
    } catch (error) {
      if (!(error instanceof ServerSaid)) throw error;
      this.#remark(error);
    }
    return undefined;
  }

  /** One that comes when the turn is to end already is nobody's, and is deleted. */
  async #fork(client: OpencodeClient, base: string): Promise<Placed | undefined> {
    // opencode sets itself up in a folder that it does not know with the first that is asked there: meanwhile.
    void client.path.get().catch(() => {});
    const fork = await forkSession(client, base);
    if (!this.#stopping) return fork;
    await client.session.delete({ sessionID: fork.id });
    return undefined;
  }

  /** Sends the message, unless an earlier attempt at this turn has. */
  async #send(client: OpencodeClient, session: string): Promise<void> {
    const { kind, isAgain, messageId: before } = this.#request;
    let known = this.#messageId;
    if (isAgain && before !== undefined) {
      // Asked before the message is looked for: it is not this turn's, should that not be there.
      const newest = await newestMessage(client, session);
      const { data } = await client.session.message({ sessionID: session, messageID: before });
      if (data) {
        this.#wasTaken = true;
        return this.#wasSent(client, session, before).look();
      }
      if (newest !== undefined && newest > before) known = undefined;
    } else if (kind === "continue" && known !== undefined && !isFresh(known)) known = undefined;
    // opencode takes no notice of what sorts before an answer that is there.
    const messageID = known ?? await this.#nameMessage(session);
    if (this.#telling.hasFailed || this.#stopping) return;
    this.#wasSent(client, session, messageID);
    await this.#prompt(client, session, messageID);
  }

  /** A new id for the message, which is on record before it is sent. */
  async #nameMessage(session: string): Promise<string> {
    const messageId = this.#messageId = newMessageId();
    await this.#telling.tell(() => this.#watch.named(session, messageId));
    return messageId;
  }

  #wasSent(client: OpencodeClient, session: string, messageID: string): Reconciler {
    this.#sights.begin(messageID);
    return this.#reconciler = new Reconciler({
      ...{ client, session, messageID, hearsAll: !this.#request.isAgain },
      asked: (request) => this.#asks.asked(request),
      heard: () => void this.#telling.tell(() => this.#watch.heard?.()),
      message: (info) => this.#sights.message(info),
      part: (part) => this.#sights.part(part, true),
      hasFailed: () => this.#sights.progress.error !== undefined,
      repeat: () => this.#prompt(client, session, messageID),
      over: () => {
        this.#see({ see: "exit", code: 0, signal: null });
        this.#over.resolve();
      },
    });
  }

  async #prompt(client: OpencodeClient, session: string, messageID: string): Promise<void> {
    try {
      await sendMessage(client, session, messageID, this.#request);
      this.#wasTaken = true;
    } catch (error) {
      if (!(error instanceof ServerSaid)) throw error;
      if (error.message === NO_SESSION) this.#remark(error);
      else this.#sights.error(session, { name: error.message });
      this.#over.resolve();
    }
  }

  #onEvent(event: ServerEvent): void {
    const own = event.session === this.#session;
    if (this.#sights.isSignOfLife(event, own)) this.#dog.sign();
    switch (event.kind) {
      case "message":
        if (own) {
          this.#sights.message(event.message);
          this.#reconciler?.toldMessage(event.message);
        }
        return;
      case "part":
        if (own) this.#reconciler?.toldPart(event.part);
        return this.#sights.part(event.part, own);
      case "retry":
        return this.#sights.trouble(event.why);
      case "error":
        if (own) this.#sights.error(event.session, event.error);
        return;
      case "asked":
        return this.#asks.asked(event.request);
      case "answered":
        return this.#asks.settled(event.id);
      case "idle":
        if (own) this.#reconciler?.idle();
        return;
      case "created":
      case "placed":
      case "delta":
      case "other":
        return;
    }
  }

  /** Another opencode of the user's has moved the session: its agent must not go on there. */
  #strays(directory: string): void {
    this.#connection?.events.forget(this.#session!);
    this.#client = this.#connection?.client(directory);
    this.#stop({ see: "misplaced", directory });
  }

  /** Whether the server has the message, as far as is known. */
  get #isSent(): boolean {
    return this.#wasTaken || this.#sights.hasAnswer;
  }

  /** Answers what the turn asks; false when it asks no such thing. */
  answer(askId: string, answer: Answer): Promise<boolean> {
    return this.#asks.answer(askId, answer);
  }

  /** The turn is to end: opencode is told, then its processes are ended. */
  #stop(sight: Sight): void {
    if (this.#stopping) return;
    this.#see(sight);
    this.#stopping = this.#end().finally(() => this.#over.resolve());
  }

  async #end(): Promise<void> {
    if (this.#placing) await within(this.#placing.catch(() => {}), PLACING_MS);
    const [client, session] = [this.#client, this.#session];
    if (client && session !== undefined) await abortSession(client, session);
    if (!this.#alone()) return;
    const left = await endProcesses({ marks: folderMarks(this.directory) }, GRACE_MS);
    if (left.length > 0) this.#show({ kind: "left", pids: left.map((it) => it.pid) });
  }

  #remark({ message: text }: ServerSaid): void {
    this.#see({ see: "remark", remark: { kind: "other", text } });
  }

  #see(sight: Sight): void {
    this.#sights.see(sight);
  }

  #show(event: TurnEvent): void {
    void this.#telling.tell(() => this.#watch.event(event));
  }
}
