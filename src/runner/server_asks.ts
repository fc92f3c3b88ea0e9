/**
 * What opencode's server asks a human for: answered at once by the policy, or left open for somebody to answer.
 *
 * Nothing that is asked ends a turn by itself; while something is open, none of the turn's limits counts.
 */
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import type { Answer, Ask, PermissionPolicy } from "./mod.ts";
import type { Request } from "./server_events.ts";

export interface AsksOptions {
  policy: PermissionPolicy;
  /** How long something may stay open, in seconds; for ever without. */
  seconds: number | undefined;
  client(): OpencodeClient | undefined;
  /** Denied by the policy. */
  denied(request: Extract<Request, { kind: "permission" }>): void;
  opened(ask: Ask): void;
  answered(id: string, left: number): void;
  unanswered(ask: Ask): void;
}

interface Open {
  request: Request;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Asks {
  readonly #options: AsksOptions;
  readonly #known = new Set<string>();
  readonly #open = new Map<string, Open>();

  constructor(options: AsksOptions) {
    this.#options = options;
  }

  /** Something is asked; the same may be told more than once. */
  asked(request: Request): void {
    if (this.#known.has(request.id)) return;
    this.#known.add(request.id);
    const { policy, seconds, denied, opened, unanswered } = this.#options;
    if (policy !== "wait") {
      const allows = policy === "allow" && request.kind === "permission";
      if (!allows && request.kind === "permission") denied(request);
      return void this.#reply(
        request,
        allows ? { kind: "allow", always: false } : { kind: "deny" },
      );
    }
    const ask = askOf(request);
    const timer = seconds === undefined
      ? undefined
      : setTimeout(() => unanswered(ask), seconds * 1000);
    this.#open.set(request.id, { request, timer });
    opened(ask);
  }

  /** It was answered, by us or by somebody else. */
  settled(id: string): void {
    const open = this.#open.get(id);
    if (!open) return;
    clearTimeout(open.timer);
    this.#open.delete(id);
    this.#options.answered(id, this.#open.size);
  }

  /** False when that is not open, or was not taken. */
  async answer(id: string, answer: Answer): Promise<boolean> {
    const open = this.#open.get(id);
    if (!open || !await this.#reply(open.request, answer)) return false;
    this.settled(id);
    return true;
  }

  close(): void {
    for (const { timer } of this.#open.values()) clearTimeout(timer);
  }

  async #reply(request: Request, answer: Answer): Promise<boolean> {
    const client = this.#options.client();
    if (!client) return false;
    const requestID = request.id;
    if (request.kind === "permission") {
      const reply = answer.kind === "allow" ? (answer.always ? "always" : "once") : "reject";
      const message = answer.kind === "text" ? { message: answer.text } : {};
      return !(await client.permission.reply({ requestID, reply, ...message })).error;
    }
    if (answer.kind !== "text") return !(await client.question.reject({ requestID })).error;
    const answers = request.questions.map(() => [answer.text]);
    return !(await client.question.reply({ requestID, answers })).error;
  }
}

function askOf(request: Request): Ask {
  const { id, kind } = request;
  if (kind === "permission") {
    const { permission, patterns } = request;
    return { id, kind, what: patterns ? `${permission} (${patterns})` : permission, options: [] };
  }
  const what = request.questions.map((it) => it.text).join(" ");
  return { id, kind, what, options: request.questions.flatMap((it) => it.options) };
}
