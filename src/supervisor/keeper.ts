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
import { setTimeout as pause } from "node:timers/promises";
import { errors, type KugetsuError, type StopSignal } from "../errors.ts";
import type { Answer, Ask } from "../runner/mod.ts";
import { adviceForAsk } from "../session/advice.ts";
import { Backlog, byTime } from "./backlog.ts";
import { Endings, failed } from "./endings.ts";
import { Live } from "./live.ts";
import { isSame, type Mailbox, turnOver } from "./mailbox.ts";
import type {
  Accepted,
  Job,
  JobHost,
  Line,
  LiveTurn,
  Stopped,
  Submission,
  TurnEnd,
} from "./mod.ts";
import { type Limits, pick } from "./queue.ts";
import type { Transcripts } from "./transcripts.ts";

export interface KeeperOptions {
  job: Job;
  mailbox: Mailbox;
  transcripts: Transcripts;
  /** What holds where a submission says nothing of them. */
  caps: Limits;
  answer(turnId: string, askId: string, answer: Answer): Promise<boolean>;
  /** The name of an issue in files. */
  nameOf(key: string): Promise<string>;
  now(): string;
  debug(text: string): void;
}

/** How long an answer waits until a turn that was taken up is heard to ask, and how often it is tried. */
const HEARD_MS = 10_000;
const TRY_MS = 50;

export class Keeper {
  readonly #options: KeeperOptions;
  /** In the order in which they were accepted, by the turn's id. */
  readonly #live = new Map<string, Live>();
  /** Those that are looked at and not yet accepted, by the turn's id. */
  readonly #opening = new Map<string, { ref: string; stop(reason: StopSignal): void }>();
  /** The jobs that were stopped before they were accepted, until they have let go of everything. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** One submission of an issue after the other. */
  readonly #doors = new Map<string, Promise<void>>();
  readonly #endings: Endings;
  readonly #backlog: Backlog;
  #caps: Limits;
  /** The host's cap as a command line gave it: settings do not change it. */
  #given: number | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#endings = new Endings(options);
    this.#backlog = new Backlog({
      ...{ mailbox: options.mailbox, endings: this.#endings, debug: options.debug },
      begin: (submission) => this.#enter(submission),
      takeUp: (submission) => this.#begin(submission, true),
    });
    this.#caps = options.caps;
  }

  get isIdle(): boolean {
    return this.hasNothing && !this.#options.transcripts.areUsed;
  }

  /** Whether there is no turn that was accepted, or is being. Somebody may follow what is over. */
  get hasNothing(): boolean {
    return this.#live.size === 0 && this.#doors.size === 0;
  }

  /** How many turns this process alone can bring to their end: their opencode is a child of it. */
  get bound(): number {
    return [...this.#live.values()].filter((it) =>
      it.submission.runner === "run" && it.state !== "queued"
    ).length;
  }

  /** How many turns run at once. */
  get maxParallel(): number {
    return this.#caps.host;
  }

  /** Takes up what an earlier supervisor had accepted. */
  async recover(): Promise<void> {
    const left = this.#backlog.left();
    for (const { caps } of left.flatMap(({ turns }) => turns).sort(byTime)) this.#follow(caps);
    await this.#backlog.recover(left);
  }

  submit(submission: Submission): Promise<Accepted> {
    this.#follow(submission.caps);
    return this.#enter(submission);
  }

  #enter(submission: Submission): Promise<Accepted> {
    const { id, ref } = submission;
    const mine = (this.#doors.get(ref) ?? Promise.resolve()).then(() => this.#submit(submission));
    // The next one waits until a job that was stopped has let go of the issue.
    const door = mine.then(() => {}, () => this.#leaving.get(id)).then(() => {
      this.#leaving.delete(id);
      if (this.#doors.get(ref) === door) this.#doors.delete(ref);
    });
    this.#doors.set(ref, door);
    return mine;
  }

  async #submit(submission: Submission): Promise<Accepted> {
    const live = this.#liveOf(submission.ref);
    if (live) return this.#whileRunning(live, submission);
    const known = await this.#overAlready(submission);
    return known ?? await this.#begin(submission, false);
  }

  /** What was said last holds for all: on a command line, or else in the settings. */
  #follow(caps: Submission["caps"]): void {
    const { host, repository } = this.#options.caps;
    if (caps?.given) this.#given = caps.host;
    this.#caps = {
      host: this.#given ?? caps?.host ?? host,
      repository: caps?.repository ?? repository,
    };
  }

  #whileRunning(live: Live, submission: Submission): Accepted {
    const { key, name } = live;
    const mail = this.#options.mailbox.read(name);
    const waiting = mail?.next ?? [];
    const same = [live.submission, ...waiting].find((it) => isSame(it, submission));
    const ahead = this.#ahead(live);
    if (same) return { key, turn: same.id, ahead, again: true };
    const before = mail && turnOver(mail, submission);
    if (before !== undefined) return { key, turn: before, ahead: 0, again: true };
    if (submission.kind === "start") throw errors.sessionExists(key);
    if (!submission.queue || !mail) throw errors.turnRunning(key, "the supervisor");
    this.#options.mailbox.accept(name, mail, { ...mail, next: [...waiting, submission] });
    live.behind = waiting.length + 1;
    return { key, turn: submission.id, ahead: ahead + waiting.length + 1, again: false };
  }

  /** A turn that was accepted earlier and is over: its key makes a repeated submission harmless. */
  async #overAlready(submission: Submission): Promise<Accepted | undefined> {
    const name = await this.#options.nameOf(submission.ref);
    this.#endings.catchUp(name);
    const mail = this.#options.mailbox.read(name);
    const turn = mail && turnOver(mail, submission);
    return turn === undefined ? undefined : { key: mail!.key, turn, ahead: 0, again: true };
  }

  /** Starts the job and waits until it is admitted, or refused. */
  #begin(submission: Submission, recovered: boolean): Promise<Accepted> {
    return new Promise((accept, refuse) => {
      const controller = new AbortController();
      const said: Parameters<JobHost["say"]>[] = [];
      let live: Live | undefined;
      let stopped: KugetsuError | undefined;
      const stop = (reason: StopSignal) => {
        controller.abort(reason);
        // One that was accepted by an earlier supervisor is admitted, and then over.
        if (recovered) return;
        this.#leaving.set(submission.id, isOver);
        refuse(stopped ??= errors.startStopped(submission.ref, reason));
      };
      this.#opening.set(submission.id, { ref: submission.ref, stop });
      const host: JobHost = {
        signal: controller.signal,
        admit: ({ key, name }) =>
          new Promise((go) => {
            this.#opening.delete(submission.id);
            if (stopped) throw stopped;
            live = this.#admit(submission, { key, name, controller, go, isOver }, recovered);
            for (const [level, text] of said) live.append({ kind: "said", level, text });
            this.#schedule();
            accept({ key, turn: submission.id, ahead: this.#ahead(live), again: false });
          }),
        begun: (directory) => live?.begun(directory),
        used: () => live?.used ?? { tokens: 0, cost: 0 },
        named: (session) => live?.append({ kind: "session", session }),
        event: (event) => {
          live?.event(event);
          if (event.kind === "asks") this.#schedule();
        },
        heard: () => live?.heard(),
        say: (level, text) =>
          live ? live.append({ kind: "said", level, text }) : void said.push([level, text]),
        ended: (end) => live && this.#settle(live, end),
      };
      const job = Promise.resolve().then(() => this.#options.job(submission, host, recovered));
      const isOver = job.then(() => {}, (error) => {
        this.#opening.delete(submission.id);
        if (!live) return refuse(error);
        this.#settle(live, failed(error));
      }).then(() => live && this.#close(live));
    });
  }

  #admit(
    submission: Submission,
    issue: {
      key: string;
      name: string;
      controller: AbortController;
      go(): void;
      isOver: Promise<void>;
    },
    recovered: boolean,
  ): Live {
    const { mailbox, transcripts, now } = this.#options;
    const { name } = issue;
    const transcript = transcripts.open(name);
    try {
      // Somebody who follows may hold one that a destroy has removed since.
      transcript.close();
      const live = new Live({ ...issue, submission, transcript, now });
      if (recovered) {
        live.behind = mailbox.read(name)?.next.length ?? 0;
        live.tookUp(transcripts.read(name));
      } else {
        live.behind = this.#acceptNow(submission, issue);
        live.append({ kind: "accepted", turn_kind: submission.kind, message: submission.message });
      }
      this.#live.set(live.id, live);
      return live;
    } catch (error) {
      transcripts.release(name);
      throw error;
    }
  }

  /** Returns how many messages wait for its end. */
  #acceptNow(submission: Submission, { key, name }: { key: string; name: string }): number {
    const { mailbox } = this.#options;
    const mail = mailbox.read(name);
    const next = mail?.next.filter((it) => it.id !== submission.id) ?? [];
    mailbox.accept(name, mail, { ...mail, key, current: submission, next });
    return next.length;
  }

  /** Gives places to those whose turn it is. */
  #schedule(): void {
    const all = [...this.#live.values()];
    for (const live of all) if (live.state === "queued" && live.needsNoPlace) live.place();
    const running = all.filter((it) => it.state === "running").map((it) => it.repository);
    for (const live of pick(all.filter((it) => it.state === "queued"), running, this.#caps)) {
      live.place();
    }
  }

  #settle(live: Live, end: TurnEnd): void {
    if (this.#live.delete(live.id)) this.#endings.of(live, end);
  }

  /** The job has let go of everything: the next one may have its place, and the next turn of the issue begins. */
  #close(live: Live): void {
    this.#options.transcripts.release(live.name);
    this.#schedule();
    void this.#backlog.goOn(live.key, live.name);
  }

  /**
   * Stops turns, and what waits behind them; one that is not accepted yet is refused. Returns the issues whose turns are
   * over by then.
   */
  async stop(keys: string[] | "all", reason: "SIGINT" | "SIGTERM"): Promise<Stopped[]> {
    const wanted = [...this.#live.values()].filter((it) =>
      keys === "all" || keys.some((key) => it.isOf(key))
    );
    const opening = [...this.#opening.values()].filter(({ ref }) =>
      keys === "all" || keys.includes(ref)
    );
    for (const { stop } of opening) stop(reason);
    for (const live of wanted) live.stop(reason);
    const dropped = wanted.map((live) =>
      this.#endings.ofWaiting(live, { kind: "cancelled", signal: reason })
    );
    this.#schedule();
    await Promise.all(wanted.map((it) => it.isOver));
    const refused = opening.map(({ ref }) => ({ key: ref, left: [], dropped: 0 }));
    return [
      ...refused,
      ...wanted.map(({ key, left }, at) => ({ key, left, dropped: dropped[at]! })),
    ];
  }

  async answer(key: string, askId: string, answer: Answer): Promise<Ask> {
    const live = this.#liveOf(key);
    const ask = live?.ask;
    if (!live || !ask) throw errors.nothingAsked(key);
    if (ask.id !== askId) {
      throw errors.wrongAnswer(key, `by now it wants ${ask.what}`, adviceForAsk(key, ask));
    }
    const deadline = performance.now() + HEARD_MS;
    while (!await this.#options.answer(live.id, ask.id, answer)) {
      // Of one that was taken up, its runner has yet to hear what it asks.
      const mayHear = live.isUnsure && this.#live.has(live.id) && performance.now() < deadline;
      if (!mayHear) throw errors.nothingAsked(key);
      await pause(TRY_MS);
    }
    return ask;
  }

  turns(): LiveTurn[] {
    const all = [...this.#live.values()];
    const queued = all.filter((it) => it.state === "queued");
    return all.map((live) => live.told(queued.indexOf(live) + 1));
  }

  /** Hands out lines: those of one turn until it is over, or all after a number, without an end. */
  async follow(
    { key, ...what }: { key: string; turn?: string; after?: number },
    onLine: (line: Line) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const name = this.#liveOf(key)?.name ?? await this.#options.nameOf(key);
    const { transcripts, mailbox } = this.#options;
    const { turn } = what;
    // What is over, and was kept or not, has nothing more to tell.
    const isOver = turn !== undefined && !this.#live.has(turn) &&
      !mailbox.read(name)?.next.some((it) => it.id === turn);
    let told = false;
    const hand = (line: Line) => {
      told ||= line.kind === "ended";
      onLine(line);
    };
    await transcripts.follow(name, what, hand, isOver ? AbortSignal.abort() : signal);
    // The disk may have been too full for its last line.
    const end = turn === undefined ? undefined : this.#endings.known(turn);
    if (isOver && !told && end) {
      onLine({
        seq: (what.after ?? 0) + 1,
        time: this.#options.now(),
        turn: turn!,
        kind: "ended",
        ...end,
      });
    }
  }

  #liveOf(issue: string): Live | undefined {
    return [...this.#live.values()].find((it) => it.isOf(issue));
  }

  /** Its place among those that wait; 0 for one that has its place among those that run. */
  #ahead(live: Live): number {
    return [...this.#live.values()].filter((it) => it.state === "queued").indexOf(live) + 1;
  }
}
