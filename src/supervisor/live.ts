/** A turn that was accepted and is not over: what is known of it, and what its events make of it. */
import type { Ask, TurnEvent } from "../runner/mod.ts";
import type { Usage } from "../session/record.ts";
import { formatRepository, parseRef } from "../session/ref.ts";
import type { Line, LineBody, LiveTurn, Submission, TurnEnd } from "./mod.ts";
import type { Transcript } from "./transcript.ts";

export interface LiveParts {
  submission: Submission;
  /** The issue as the index spells it, and its name in files. */
  key: string;
  name: string;
  transcript: Transcript;
  controller: AbortController;
  /** Gives the turn its place. */
  go(): void;
  /** Resolves when the turn has let go of everything. */
  isOver: Promise<void>;
  now(): string;
}

export class Live {
  readonly #parts: LiveParts;
  readonly repository: string;
  state: LiveTurn["state"] = "queued";
  ask: Ask | undefined;
  /** How many messages of the issue wait for its end. */
  behind = 0;
  /** Processes of the turn that would not end. */
  left: number[] = [];
  #since: string;
  #doing: string | undefined;
  #tokens = 0;
  #cost = 0;
  /** How often a line stands in the transcript already, of a turn that was taken up: it is told again. */
  readonly #told = new Map<string, number>();
  /** What it asked an earlier supervisor, until opencode says so again or the turn is seen to go on. */
  #asked: Ask | undefined;
  #hasEnded = false;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.repository = formatRepository(parseRef(parts.submission.ref));
    this.#since = parts.now();
  }

  get submission(): Submission {
    return this.#parts.submission;
  }

  get id(): string {
    return this.submission.id;
  }

  get key(): string {
    return this.#parts.key;
  }

  get name(): string {
    return this.#parts.name;
  }

  get isOver(): Promise<void> {
    return this.#parts.isOver;
  }

  get isStopped(): boolean {
    return this.#parts.controller.signal.aborted;
  }

  /** Whether it is to end, or waits for an answer: neither takes a place. */
  get needsNoPlace(): boolean {
    return this.isStopped || this.isUnsure;
  }

  /** Whether `ask` is known from an earlier supervisor alone. */
  get isUnsure(): boolean {
    return this.#asked !== undefined;
  }

  /** `issue` is how it was typed or how the index has it. */
  isOf(issue: string): boolean {
    return issue === this.key || issue === this.submission.ref;
  }

  get used(): Usage {
    return { tokens: this.#tokens, cost: this.#cost };
  }

  /** An earlier supervisor has told these: what the turn has used counts, and they are not told again. */
  tookUp(lines: readonly Line[]): void {
    for (const { seq: _, time: __, turn, ...body } of lines) {
      if (turn !== this.id) continue;
      const text = JSON.stringify(body);
      this.#told.set(text, (this.#told.get(text) ?? 0) + 1);
      if (body.kind === "usage") this.#use(body);
      if (body.kind === "tool" || body.kind === "text") this.#does(body);
      if (body.kind === "asks") this.#asked = body.ask;
      if (body.kind === "answered" && body.id === this.#asked?.id) this.#asked = undefined;
      if (body.kind === "ended") this.#hasEnded = true;
    }
  }

  place(): void {
    this.state = "running";
    if (this.#asked) this.#waits(this.#asked);
    this.#parts.go();
  }

  begun(directory: string): void {
    this.#since = this.#parts.now();
    this.append({ kind: "begun", directory });
  }

  event(event: TurnEvent): void {
    // What it does and asks now holds, whether it was told before or not.
    if (event.kind === "tool" || event.kind === "text") this.#does(event);
    if (event.kind === "asks") this.#waits(event.ask);
    if (event.kind === "left") this.left = event.pids;
    if (event.kind === "answered" && this.ask?.id === event.id) this.#waits(undefined);
    const wasTold = this.#wasTold(event);
    if (this.#asked && (event.kind === "asks" || !wasTold)) {
      this.#asked = undefined;
      if (event.kind !== "asks") this.#waits(undefined);
    }
    if (wasTold) return;
    if (event.kind === "usage") this.#use(event);
    this.append(event);
  }

  /** opencode has said what it asks: what an earlier supervisor knew and was not said again is settled. */
  heard(): void {
    if (!this.#asked) return;
    this.#asked = undefined;
    this.#waits(undefined);
  }

  #wasTold(event: TurnEvent): boolean {
    const text = JSON.stringify(event);
    const times = this.#told.get(text) ?? 0;
    if (times > 0) this.#told.set(text, times - 1);
    return times > 0;
  }

  append(body: LineBody): void {
    this.#parts.transcript.append(this.id, body);
  }

  /** Told once, also where an earlier supervisor died right after it had told it. */
  ended(end: TurnEnd): void {
    if (!this.#hasEnded) this.append({ kind: "ended", ...end });
  }

  stop(reason: unknown): void {
    this.#parts.controller.abort(reason);
  }

  /** `position` is its place among those that wait. */
  told(position: number): LiveTurn {
    return {
      key: this.key,
      turn: this.id,
      state: this.state,
      since: this.#since,
      position: this.state === "queued" ? position : undefined,
      behind: this.behind || undefined,
      doing: this.#doing,
      ask: this.ask,
      ...this.used,
    };
  }

  #does(event: Extract<TurnEvent, { kind: "tool" | "text" }>): void {
    this.#doing = event.kind === "tool" && event.state === "running" ? inWords(event) : undefined;
  }

  #waits(ask: Ask | undefined): void {
    this.ask = ask;
    this.state = ask ? "blocked" : "running";
    this.#since = this.#parts.now();
  }

  #use({ tokens, cost }: { tokens: number; cost: number }): void {
    this.#tokens += tokens;
    this.#cost += cost;
    const { budget } = this.submission;
    if (budget?.tokens !== undefined && this.#tokens > budget.tokens) {
      this.stop({ budget: `it used ${this.#tokens} tokens, of ${budget.tokens} that it may use` });
    } else if (budget?.cost !== undefined && this.#cost > budget.cost) {
      const [used, may] = [this.#cost, budget.cost].map((it) => it.toFixed(2));
      this.stop({ budget: `it cost $${used}, of $${may} that it may cost` });
    }
  }
}

function inWords({ tool, title }: { tool: string; title: string }): string {
  return title ? `${tool} ${title}` : tool;
}
