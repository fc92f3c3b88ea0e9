/**
 * Keeps the turns of a state folder: accepts them, gives each its place, stops them, and tells how they go.
 *
 * What a turn is made of (claim, folder, hooks, runner, record) is not known here: it is a `Job`, which the program
 * hands in. A job says when everything that can be refused has been decided, and then waits for its place:
 *
 * ```
 * submit ── job begins ── admit: mailbox, "accepted" ── waits for a place ── runs ── "ended", mailbox cleared
 *                 └─ throws: refused, nothing was accepted
 * ```
 */
import { errors, KugetsuError } from "../errors.ts";
import type { Answer, Ask, TurnEvent } from "../runner/mod.ts";
import type { Outcome } from "../session/outcome.ts";
import { formatRepository, parseRef } from "../session/ref.ts";
import type { Mail, Mailbox } from "./mailbox.ts";
import type { Accepted, Line, LiveTurn, Submission } from "./mod.ts";
import { type Caps, pick } from "./queue.ts";
import { readTranscript, Transcript } from "./transcript.ts";

/** What a job is given to work with. */
export interface JobHost {
  /** Aborted, with a StopReason, when the turn is to end. */
  readonly signal: AbortSignal;
  /**
   * Nothing can refuse the turn any more, its record is saved, and its lock held: it is accepted. Resolves when the
   * turn has its place, or when it is to end.
   */
  admit(issue: { key: string; name: string }): Promise<void>;
  /** The turn begins, in this folder. */
  begun(directory: string): void;
  named(session: string): void;
  event(event: TurnEvent): void;
  /** The turn is over and its record saved; its lock is given back right after. */
  ended(outcome: Outcome, session: string | undefined, text: string): void;
}

/** A turn from beginning to end. Throws what refuses it; after `admit`, only what nobody expects. */
export type Job = (submission: Submission, host: JobHost, recovered: boolean) => Promise<void>;

export interface KeeperOptions {
  job: Job;
  mailbox: Mailbox;
  /** The path of an issue's transcript, by the issue's name. */
  transcriptPath(name: string): string;
  transcriptBytes: number;
  caps: Caps;
  answer(turnId: string, askId: string, answer: Answer): Promise<boolean>;
  /** The name of an issue that has a session or a turn; undefined for one that has neither. */
  nameOf(key: string): Promise<string | undefined>;
  now(): string;
  debug(text: string): void;
}

/** A turn that was accepted and is not over. */
interface Live {
  submission: Submission;
  key: string;
  name: string;
  repository: string;
  transcript: Transcript;
  controller: AbortController;
  state: LiveTurn["state"];
  since: string;
  doing?: string | undefined;
  ask?: Ask | undefined;
  tokens: number;
  cost: number;
  /** Gives the turn its place. */
  go(): void;
  isOver: Promise<void>;
}

export class Keeper {
  readonly #options: KeeperOptions;
  /** In the order in which they were accepted, by the turn's id. */
  readonly #live = new Map<string, Live>();
  readonly #followed = new Map<string, { transcript: Transcript; users: number }>();
  /** One submission of an issue after the other. */
  readonly #doors = new Map<string, Promise<unknown>>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#live.size === 0 && this.#followed.size === 0 && this.#doors.size === 0;
  }

  /** Takes up what an earlier supervisor had accepted. */
  async recover(): Promise<void> {
    for (const name of this.#options.mailbox.names()) {
      const mail = this.#options.mailbox.read(name);
      if (!mail?.current) continue;
      this.#options.debug(`taking up the turn of ${mail.key}`);
      await this.#begin(mail.current, true).catch((error) => this.#giveUp(name, mail, error));
    }
  }

  /** What cannot be taken up is over: its message stays, so that it can be tried again. */
  #giveUp(name: string, { current, ...mail }: Mail, error: unknown): void {
    if (!current) return;
    const detail = error instanceof Error ? error.message : String(error);
    this.#options.debug(`the turn of ${mail.key} cannot be taken up: ${detail}`);
    this.#options.mailbox.write(name, { ...mail, last: current });
    const outcome: Outcome = { kind: "failed", reason: "kugetsu", detail };
    const body = { kind: "ended", outcome, session: null, text: "" } as const;
    this.#open(name).append(current.id, body);
    this.#release(name);
  }

  submit(submission: Submission): Promise<Accepted> {
    const before = this.#doors.get(submission.ref) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.#submit(submission));
    this.#doors.set(submission.ref, mine);
    return mine.finally(() => {
      if (this.#doors.get(submission.ref) === mine) this.#doors.delete(submission.ref);
    });
  }

  async #submit(submission: Submission): Promise<Accepted> {
    const live = this.#liveOf(submission.ref);
    if (live) return this.#whileRunning(live, submission);
    const known = await this.#overAlready(submission);
    return known ?? await this.#begin(submission, false);
  }

  #whileRunning(live: Live, submission: Submission): Accepted {
    const { key, name } = live;
    const mail = this.#options.mailbox.read(name);
    const waiting = mail?.next ?? [];
    const same = [live.submission, ...waiting].find((it) => isSame(it, submission));
    const ahead = this.#ahead(live);
    if (same) return { key, turn: same.id, ahead, again: true };
    if (submission.kind === "start") throw errors.sessionExists(key);
    if (!submission.queue || !mail) throw errors.turnRunning(key, "the supervisor");
    this.#options.mailbox.write(name, { ...mail, next: [...waiting, submission] });
    return { key, turn: submission.id, ahead: ahead + waiting.length + 1, again: false };
  }

  /** A turn that was accepted earlier and is over: its key makes a repeated submission harmless. */
  async #overAlready(submission: Submission): Promise<Accepted | undefined> {
    const name = await this.#options.nameOf(submission.ref);
    const mail = name === undefined ? undefined : this.#options.mailbox.read(name);
    if (!mail?.last || !isSame(mail.last, submission)) return undefined;
    return { key: mail.key, turn: mail.last.id, ahead: 0, again: true };
  }

  /** Starts the job and waits until it is admitted, or refused. */
  #begin(submission: Submission, recovered: boolean): Promise<Accepted> {
    return new Promise((accept, refuse) => {
      const controller = new AbortController();
      let live: Live | undefined;
      const host: JobHost = {
        signal: controller.signal,
        admit: ({ key, name }) =>
          new Promise((go) => {
            live = this.#admit(submission, { key, name, controller, go, isOver }, recovered);
            accept({ key, turn: submission.id, ahead: this.#ahead(live), again: false });
            this.#schedule();
          }),
        begun: (directory) => {
          if (!live) return;
          live.state = "running";
          live.since = this.#options.now();
          live.transcript.append(submission.id, { kind: "begun", directory });
        },
        named: (session) =>
          void live?.transcript.append(submission.id, { kind: "session", session }),
        event: (event) => live && this.#onEvent(live, event),
        ended: (outcome, session, text) =>
          live && this.#settle(live, outcome, session ?? null, text),
      };
      const job = Promise.resolve().then(() => this.#options.job(submission, host, recovered));
      const isOver = job.then(() => {}, (error) => {
        if (!live) return refuse(error);
        const detail = error instanceof KugetsuError ? error.message : String(error);
        this.#settle(live, { kind: "failed", reason: "kugetsu", detail }, null, "");
      }).then(() => live && this.#close(live));
    });
  }

  #admit(
    submission: Submission,
    { key, name, controller, go, isOver }: Pick<
      Live,
      "key" | "name" | "controller" | "go" | "isOver"
    >,
    recovered: boolean,
  ): Live {
    const { mailbox } = this.#options;
    const mail = mailbox.read(name) ?? { key, next: [] };
    if (!recovered) mailbox.write(name, { ...mail, key, current: submission });
    const transcript = this.#open(name);
    if (!recovered) {
      const { kind: turn_kind, message } = submission;
      transcript.append(submission.id, { kind: "accepted", turn_kind, message });
    }
    const live: Live = {
      submission,
      key,
      name,
      repository: formatRepository(parseRef(submission.ref)),
      transcript,
      controller,
      state: "queued",
      since: this.#options.now(),
      tokens: 0,
      cost: 0,
      go,
      isOver,
    };
    this.#live.set(submission.id, live);
    return live;
  }

  /** Gives places to those whose turn it is. Whoever is to end needs none. */
  #schedule(): void {
    const all = [...this.#live.values()];
    const waiting = all.filter((it) => it.state === "queued");
    for (const live of waiting) if (live.controller.signal.aborted) this.#place(live);
    const running = all.filter((it) => it.state === "running").map((it) => it.repository);
    const candidates = waiting.filter((it) => it.state === "queued")
      .map((live) => ({ id: live.submission.id, repository: live.repository, live }));
    for (const { live } of pick(candidates, running, this.#options.caps)) this.#place(live);
  }

  #place(live: Live): void {
    live.state = "running";
    live.go();
  }

  #onEvent(live: Live, event: TurnEvent): void {
    if (event.kind === "usage") {
      live.tokens += event.tokens;
      live.cost += event.cost;
      this.#watchBudget(live);
    }
    if (event.kind === "tool") live.doing = event.state === "running" ? inWords(event) : undefined;
    if (event.kind === "text") live.doing = undefined;
    if (event.kind === "asks") {
      live.ask = event.ask;
      live.state = "blocked";
      live.since = this.#options.now();
    }
    if (event.kind === "answered" && live.ask?.id === event.id) {
      live.ask = undefined;
      live.state = "running";
    }
    live.transcript.append(live.submission.id, event);
    if (event.kind === "asks") this.#schedule();
  }

  #watchBudget({ submission: { budget }, tokens, cost, controller }: Live): void {
    if (budget?.tokens !== undefined && tokens > budget.tokens) {
      controller.abort({ budget: `it used ${tokens} tokens, of ${budget.tokens} that it may use` });
    } else if (budget?.cost !== undefined && cost > budget.cost) {
      const [used, may] = [cost, budget.cost].map((it) => it.toFixed(2));
      controller.abort({ budget: `it cost $${used}, of $${may} that it may cost` });
    }
  }

  /** The turn is over: what follows is decided in the mailbox, in one write. */
  #settle(live: Live, outcome: Outcome, session: string | null, text: string): void {
    if (!this.#live.has(live.submission.id)) return;
    const { mailbox } = this.#options;
    const mail = mailbox.read(live.name);
    const isGone = session === null && live.submission.kind === "start";
    if (mail?.current?.id === live.submission.id) {
      if (isGone) mailbox.remove(live.name);
      else mailbox.write(live.name, { ...mail, current: undefined, last: live.submission });
    }
    this.#live.delete(live.submission.id);
    live.transcript.append(live.submission.id, { kind: "ended", outcome, session, text });
  }

  /** The job has let go of everything: the next one may have its place, and the next turn of the issue begins. */
  #close(live: Live): void {
    this.#release(live.name);
    this.#schedule();
    const mail = this.#options.mailbox.read(live.name);
    const [next, ...rest] = mail?.next ?? [];
    if (!mail || !next) return;
    this.#options.mailbox.write(live.name, { ...mail, next: rest });
    this.submit(next).catch((error) => {
      const transcript = this.#open(live.name);
      const detail = error instanceof Error ? error.message : String(error);
      const outcome: Outcome = { kind: "failed", reason: "kugetsu", detail };
      transcript.append(next.id, { kind: "ended", outcome, session: null, text: "" });
      this.#release(live.name);
    });
  }

  /** Stops turns, and what waits behind them. Returns the issues whose turns are over by then. */
  async stop(keys: string[] | "all", reason: "SIGINT" | "SIGTERM"): Promise<string[]> {
    const wanted = [...this.#live.values()].filter((it) =>
      keys === "all" || keys.some((key) => key === it.key || key === it.submission.ref)
    );
    for (const live of wanted) {
      const mail = this.#options.mailbox.read(live.name);
      if (mail && mail.next.length > 0) {
        this.#options.mailbox.write(live.name, { ...mail, next: [] });
      }
      live.controller.abort(reason);
    }
    this.#schedule();
    await Promise.all(wanted.map((it) => it.isOver));
    return wanted.map((it) => it.key);
  }

  async answer(key: string, answer: Answer): Promise<Ask> {
    const live = this.#liveOf(key);
    const ask = live?.ask;
    if (!live || !ask) throw errors.nothingAsked(key);
    if (await this.#options.answer(live.submission.id, ask.id, answer)) return ask;
    throw errors.nothingAsked(key);
  }

  turns(): LiveTurn[] {
    const queued = [...this.#live.values()].filter((it) => it.state === "queued");
    return [...this.#live.values()].map((live) => ({
      key: live.key,
      turn: live.submission.id,
      state: live.state,
      since: live.since,
      position: live.state === "queued" ? queued.indexOf(live) + 1 : undefined,
      doing: live.doing,
      ask: live.ask,
      tokens: live.tokens,
      cost: live.cost,
    }));
  }

  /** Hands out lines: those of one turn until it is over, or all after a number, without an end. */
  async follow(
    { key, turn, after = 0 }: { key: string; turn?: string; after?: number },
    onLine: (line: Line) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const name = this.#liveOf(key)?.name ?? await this.#options.nameOf(key);
    if (name === undefined) throw errors.noSession(key);
    const transcript = this.#open(name);
    const over = Promise.withResolvers<void>();
    let last = after;
    const hand = (line: Line) => {
      if (line.seq <= last || (turn !== undefined && line.turn !== turn)) return;
      last = line.seq;
      onLine(line);
      if (turn !== undefined && line.kind === "ended") over.resolve();
    };
    // Nothing is appended between the two: this is one step of the only thread that appends.
    for (const line of readTranscript(this.#options.transcriptPath(name))) hand(line);
    const silence = transcript.listen(hand);
    const leave = () => over.resolve();
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      await over.promise;
    } finally {
      silence();
      this.#release(name);
    }
  }

  #open(name: string): Transcript {
    const { transcriptPath, transcriptBytes, now } = this.#options;
    const known = this.#followed.get(name) ??
      {
        transcript: new Transcript(transcriptPath(name), { maxBytes: transcriptBytes, now }),
        users: 0,
      };
    known.users++;
    this.#followed.set(name, known);
    return known.transcript;
  }

  #release(name: string): void {
    const known = this.#followed.get(name);
    if (!known || --known.users > 0) return;
    known.transcript.close();
    this.#followed.delete(name);
  }

  #liveOf(key: string): Live | undefined {
    return [...this.#live.values()].find((it) => it.key === key || it.submission.ref === key);
  }

  #ahead(live: Live): number {
    if (live.state !== "queued") return 0;
    return [...this.#live.values()].filter((it) => it.state === "queued").indexOf(live);
  }
}

function isSame(a: Submission, b: Submission): boolean {
  return a.id === b.id || (a.key !== undefined && a.key === b.key);
}

function inWords({ tool, title }: { tool: string; title: string }): string {
  return title ? `${tool} ${title}` : tool;
}
