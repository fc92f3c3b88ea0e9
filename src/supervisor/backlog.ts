/**
 * What was accepted and does not run: what an earlier supervisor has left is taken up, and what waits behind a turn of
 * its issue begins when that is over.
 */
import { reasonOf } from "../errors.ts";
import type { Endings } from "./endings.ts";
import type { Mail, Mailbox } from "./mailbox.ts";
import type { Submission } from "./mod.ts";

export interface BacklogOptions {
  mailbox: Mailbox;
  endings: Endings;
  /** Begins a turn that waited; resolves when it is under way. @throws what refuses it now */
  begin(submission: Submission): Promise<unknown>;
  /** Goes on with a turn that an earlier supervisor had begun. @throws what keeps it from that */
  takeUp(submission: Submission): Promise<unknown>;
  debug(text: string): void;
}

/** What is left of an issue: a turn that had begun, or only what waits. */
interface Left {
  name: string;
  mail: Mail;
  turns: Submission[];
}

export class Backlog {
  readonly #options: BacklogOptions;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** What an earlier supervisor has left, in the order in which it was asked for. */
  left(): Left[] {
    const { mailbox, debug } = this.#options;
    const left = mailbox.names().flatMap((name) => {
      const mail = mailbox.readWhole(name, debug);
      const turns = mail ? [mail.current ?? [], mail.next].flat() : [];
      return mail && turns.length > 0 ? [{ name, mail, turns }] : [];
    });
    return left.sort((a, b) => byTime(a.turns[0]!, b.turns[0]!));
  }

  /** Takes it up, issue by issue. */
  async recover(left: readonly Left[]): Promise<void> {
    const { debug, takeUp } = this.#options;
    for (const { name, mail } of left) {
      debug(`taking up the turns of ${mail.key}`);
      if (!mail.current) await this.goOn(mail.key, name);
      else await takeUp(mail.current).catch((error) => this.#giveUp(name, mail, error));
    }
  }

  /** What cannot be taken up is over: its message stays, so that it can be tried again. */
  async #giveUp(name: string, mail: Mail, error: unknown): Promise<void> {
    const { debug, endings } = this.#options;
    debug(`the turn of ${mail.key} cannot be taken up: ${reasonOf(error)}`);
    try {
      endings.ofRefused(name, mail, mail.current!, error);
    } catch (cause) {
      // The next supervisor finds it as it was.
      return debug(`it cannot be put away: ${reasonOf(cause)}`);
    }
    await this.goOn(mail.key, name);
  }

  /** With the next turn of an issue. What keeps it from beginning must not end the supervisor. */
  async goOn(key: string, name: string): Promise<void> {
    await this.#next(name).catch((error) =>
      this.#options.debug(`the next turn of ${key} cannot begin: ${reasonOf(error)}`)
    );
  }

  /** The next turn of an issue; one that is refused now is over, and the one behind it is next. */
  async #next(name: string): Promise<void> {
    const { mailbox, endings, begin } = this.#options;
    for (;;) {
      const [next] = mailbox.readWhole(name)?.next ?? [];
      if (!next) return;
      try {
        return void await begin(next);
      } catch (error) {
        const mail = mailbox.read(name);
        if (!mail) return;
        endings.ofRefused(name, mail, next, error);
      }
    }
  }
}

/** The earlier one first. */
export function byTime(a: Submission, b: Submission): number {
  return Date.parse(a.started_at) - Date.parse(b.started_at);
}
