/**
 * Reconciles a turn with what the server has stored of it: what the stream of events did not tell is found there, and
 * so is the end of the turn. Where the stream has told all of the answer, up to its end, nothing needs to be looked for.
 */
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import {
  comesAfter,
  type MessageInfo,
  parseMessages,
  parseRequest,
  type Part,
  type Request,
} from "./server_events.ts";

/** How often the server is asked whether a turn is over, should its event have been missed. */
const POLL_MS = 10_000;
/** How long a message that arrived may be without an answer while the session is idle: until it is sent again, and in all. */
const UNHEARD_MS = 3000;
const UNANSWERED_MS = 60_000;
/** How long a turn that has met an error may take to put its last message away. */
const FINISHING_MS = 5000;
const FINISHING_POLL_MS = 100;

export interface ReconcilerOptions {
  client: OpencodeClient;
  session: string;
  /** The message that began the turn, and was sent just now or by an earlier supervisor. */
  messageID: string;
  /** Whether the stream of events was there before the message was sent. */
  hearsAll: boolean;
  /** What is stored of the turn, each time that it is looked at; what was told before is told again. */
  message(info: MessageInfo): void;
  part(part: Part): void;
  asked(request: Request): void;
  /** All that it asks now was told. */
  heard(): void;
  /** Whether the turn is known to have met an error. */
  hasFailed(): boolean;
  /** Sends the message again, under the same id. */
  repeat(): Promise<void>;
  /** The turn is over, and all of it was told, by the stream or from what is stored. */
  over(): void;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #sentAt = performance.now();
  readonly #timers: ReturnType<typeof setTimeout>[];
  #looking: Promise<void> = Promise.resolve();
  #wasRepeated = false;
  #isStopped = false;
  #failedAt: number | undefined;
  #hearsAll: boolean;
  /** What the stream told last of an answer, and the last message in which a tool was called. */
  #answer: MessageInfo | undefined;
  #calling: string | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#hearsAll = options.hearsAll;
    this.#timers = [
      setInterval(() => this.look(), POLL_MS),
      setTimeout(() => this.look(), UNHEARD_MS + FINISHING_POLL_MS),
    ];
  }

  /** The stream told of a message of the session. */
  toldMessage(info: MessageInfo): void {
    if (info.role === "assistant") this.#answer = info;
  }

  /** The stream told of a part of such a message. */
  toldPart({ type, messageID }: Part): void {
    if (type === "tool") this.#calling = messageID;
  }

  /** The stream was broken for a while. */
  missed(): void {
    this.#hearsAll = false;
    this.look();
  }

  /** The stream told that the session is idle. */
  idle(): void {
    if (this.#hearsAll && this.#isAnswered() && !this.#options.hasFailed()) this.#options.over();
    else this.look();
  }

  /**
   * Whether the stream told all of an answer to the message, up to the step that calls no tool: after one that does,
   * opencode goes on, and one that is idle then has met an error that it has yet to tell.
   */
  #isAnswered(): boolean {
    if (!this.#answer) return false;
    const { id, parentID, time, error, finish } = this.#answer;
    const isWhole = time.completed !== undefined && error === undefined && finish !== undefined;
    return parentID === this.#options.messageID && isWhole && this.#calling !== id;
  }

  /** Looks at what the server has stored, one look after the other. */
  look(): void {
    this.#looking = this.#looking.then(() => this.#reconcile()).catch(() => {
      // Could not ask: the next look, or the end of the server, tells more.
    });
  }

  /** The turn is no longer looked at, also where the server has yet to answer. */
  stop(): void {
    this.#isStopped = true;
    this.#timers.forEach(clearTimeout);
  }

  async #reconcile(): Promise<void> {
    const { client, session, messageID } = this.#options;
    const [status, listed] = await Promise.all([
      client.session.status(),
      client.session.messages({ sessionID: session, limit: 100 }),
    ]);
    if (this.#isStopped || !status.data || !listed.data) return;
    const messages = parseMessages(listed.data).filter(({ info }) => comesAfter(info, messageID));
    for (const { info, parts } of messages) {
      this.#options.message(info);
      for (const part of parts) this.#options.part(part);
    }
    const isIdle = (status.data[session]?.type ?? "idle") === "idle";
    if (!isIdle) return await this.#lookForAsks();
    this.#options.heard();
    const last = messages.findLast(({ info }) => info.role === "assistant")?.info;
    if (last?.time.completed === undefined && this.#mayGoOn(last)) return;
    this.#options.over();
  }

  /** Only one that is busy asks. */
  async #lookForAsks(): Promise<void> {
    const { client, session, asked, heard } = this.#options;
    const [permissions, questions] = await Promise.all([
      client.permission.list(),
      client.question.list(),
    ]);
    if (this.#isStopped) return;
    for (const value of [...(permissions.data ?? []), ...(questions.data ?? [])]) {
      const open = parseRequest(value);
      if (open?.session === session) asked(open.request);
    }
    if (permissions.data && questions.data) heard();
  }

  /**
   * Whether a session that is idle may still be about to do something. It is idle until its folder is set up; a message
   * that reaches it just as it ends another turn is never heard, and is sent again as long as nothing came of it.
   */
  #mayGoOn(last: MessageInfo | undefined): boolean {
    const now = performance.now();
    if (last?.error !== undefined || this.#options.hasFailed()) {
      this.#failedAt ??= now;
      if (now - this.#failedAt > FINISHING_MS) return false;
      this.#timers.push(setTimeout(() => this.look(), FINISHING_POLL_MS));
      return true;
    }
    if (now - this.#sentAt > UNANSWERED_MS) return false;
    if (!last && !this.#wasRepeated && now - this.#sentAt > UNHEARD_MS) {
      this.#wasRepeated = true;
      this.#options.repeat().catch(() => {});
    }
    return true;
  }
}
