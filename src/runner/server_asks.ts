/**
 * What opencode's server asks a human for: answered at once by the policy, or left open for somebody to answer.
 *
 * Nothing that is asked ends a turn by itself; while something is open, none of the turn's limits counts. Tools that
 * run side by side may ask at once: what is open is shown one after the other, in the order in which it was asked.
 */
import type { OpencodeClient } from "@opencode-ai/sdk/v2/client";
import type { Answer, Ask, PermissionPolicy } from "./mod.ts";
import type { Request } from "./server_events.ts";

export interface AsksOptions {
  policy: PermissionPolicy;
  /** How long something that is shown may stay open, in seconds; for ever without. */
  seconds: number | undefined;
  client(): OpencodeClient | undefined;
  /** Denied by the policy. */
  denied(request: Extract<Request, { kind: "permission" }>): void;
  opened(ask: Ask): void;
  /** What was shown is answered. `answer` is undefined where somebody else gave it. */
  answered(id: string, answer: Answer | undefined): void;
  unanswered(ask: Ask): void;
}

/** What is shown. */
interface Open {
  request: Request;
  timer: ReturnType<typeof setTimeout> | undefined;
  answer?: Answer;
}

export class Asks {
  readonly #options: AsksOptions;
  readonly #known = new Set<string>();
  /** Behind what is shown, by the id of the request. */
  readonly #waiting = new Map<string, Request>();
  #open: Open | undefined;

  constructor(options: AsksOptions) {
    this.#options = options;
  }

  /** Something is asked; the same may be told more than once. */
  asked(request: Request): void {
    if (this.#known.has(request.id)) return;
    this.#known.add(request.id);
    const { policy, denied } = this.#options;
    if (policy !== "wait") {
      const allows = policy === "allow" && request.kind === "permission";
      if (!allows && request.kind === "permission") denied(request);
      return void this.#reply(
        request,
        allows ? { kind: "allow", always: false } : { kind: "deny" },
      );
    }
    this.#waiting.set(request.id, request);
    this.#showNext();
  }

  #showNext(): void {
    const [request] = this.#waiting.values();
    if (this.#open || !request) return;
    this.#waiting.delete(request.id);
    const { seconds, opened, unanswered } = this.#options;
    const ask = askOf(request);
    const timer = seconds === undefined
      ? undefined
      : setTimeout(() => unanswered(ask), seconds * 1000);
    this.#open = { request, timer };
    opened(ask);
  }

  /** It was answered, by us or by somebody else. */
  settled(id: string): void {
    this.#waiting.delete(id);
    const open = this.#open;
    if (open?.request.id !== id) return;
    clearTimeout(open.timer);
    this.#open = undefined;
    this.#options.answered(id, open.answer);
    this.#showNext();
  }

  /** False when that is not shown, or was not taken. */
  async answer(id: string, answer: Answer): Promise<boolean> {
    const open = this.#open;
    if (open?.request.id !== id) return false;
    open.answer = answer;
    if (!await this.#reply(open.request, answer)) return false;
    this.settled(id);
    return true;
  }

  close(): void {
    clearTimeout(this.#open?.timer);
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
    const answers = answersTo(request.questions.length, answer.text);
    return !(await client.question.reply({ requestID, answers })).error;
  }
}

function askOf(request: Request): Ask {
  const { id, kind } = request;
  if (kind === "permission") {
    const { permission, patterns } = request;
    return { id, kind, what: patterns ? `${permission} (${patterns})` : permission, options: [] };
  }
  const [first, ...more] = request.questions;
  if (first && more.length === 0) return { id, kind, what: first.text, options: first.options };
  const numbered = request.questions.map(({ text, options }, i) =>
    `${i + 1}. ${text}${options.length > 0 ? ` (${options.join(" | ")})` : ""}`
  );
  return { id, kind, what: numbered.join(" "), options: [] };
}

/** A line for each question where there are as many; otherwise the whole for each. */
function answersTo(questions: number, text: string): string[][] {
  const lines = text.trim().split("\n");
  return Array.from(
    { length: questions },
    (_, i) => [lines.length === questions ? lines[i]! : text],
  );
}
