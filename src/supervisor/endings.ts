/**
 * What becomes of turns that are over: told in the transcript, kept in the mailbox, and remembered for a while for those
 * who ask late. The end of a turn that ran is told first: of one that is put away nobody would tell any more. One that
 * never began is put away first, or the next supervisor would run what was told to be over.
 */
import { type ErrorParts, partsOf, reasonOf } from "../errors.ts";
import { turnError } from "../session/advice.ts";
import type { Outcome } from "../session/outcome.ts";
import type { Live } from "./live.ts";
import { type Mail, type Mailbox, withOver } from "./mailbox.ts";
import type { Submission, TurnEnd } from "./mod.ts";
import type { Transcripts } from "./transcripts.ts";

export interface EndingsOptions {
  mailbox: Mailbox;
  transcripts: Transcripts;
  now(): string;
  debug(text: string): void;
}

const MOST_ENDS = 100;

export class Endings {
  readonly #options: EndingsOptions;
  /** What is over and could not be put away, by the name. */
  readonly #late = new Map<string, () => void>();
  /** How the last turns ended, by the turn's id. */
  readonly #ends = new Map<string, TurnEnd>();

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  /** A turn that was under way is over. */
  of(live: Live, end: TurnEnd): void {
    this.#remember(live.id, end);
    live.ended(end);
    try {
      this.#putAway(live, end);
    } catch (error) {
      // Tried again before the next turn; the next supervisor would find on record how it ended.
      this.#late.set(live.name, () => this.#putAway(live, end));
      this.#options.debug(`the turn of ${live.key} cannot be put away: ${reasonOf(error)}`);
    }
  }

  #putAway({ name, id, key, submission }: Live, end: TurnEnd): void {
    const { mailbox, now } = this.#options;
    const mail = mailbox.read(name);
    if (mail?.current?.id === id) {
      const failure = end.error ?? failureOf(key, end);
      mailbox.write(name, withOver({ ...mail, current: undefined }, submission, now(), failure));
    }
    this.#late.delete(name);
  }

  /** A turn of `mail` was accepted and cannot begin: its message stays, so that it can be tried again. */
  ofRefused(name: string, mail: Mail, refused: Submission, error: unknown): void {
    const { mailbox, transcripts, now } = this.#options;
    const current = mail.current?.id === refused.id ? undefined : mail.current;
    const next = mail.next.filter((it) => it.id !== refused.id);
    const end = failed(error);
    mailbox.write(name, withOver({ ...mail, current, next }, refused, now(), end.error));
    this.#remember(refused.id, end);
    transcripts.append(name, refused.id, { kind: "ended", ...end });
  }

  /** What waits behind a turn that is stopped does not begin; what it was stays to be read. Returns how many there were. */
  ofWaiting(live: Live, outcome: Outcome): number {
    const { name } = live;
    const { mailbox, transcripts } = this.#options;
    const mail = mailbox.read(name);
    if (!mail || mail.next.length === 0) return 0;
    mailbox.write(name, { ...mail, next: [] });
    live.behind = 0;
    const end: TurnEnd = { outcome, session: null, text: "" };
    for (const { id, kind, message } of mail.next) {
      this.#remember(id, end);
      transcripts.append(name, id, { kind: "accepted", turn_kind: kind, message });
      transcripts.append(name, id, { kind: "ended", ...end });
    }
    return mail.next.length;
  }

  #remember(turn: string, end: TurnEnd): void {
    this.#ends.set(turn, end);
    if (this.#ends.size > MOST_ENDS) this.#ends.delete([...this.#ends.keys()][0]!);
  }

  /** Puts away what could not be put away before. Throws what keeps it from that. */
  catchUp(name: string): void {
    this.#late.get(name)?.();
  }

  /** How one of the last turns ended. */
  known(turn: string): TurnEnd | undefined {
    return this.#ends.get(turn);
  }
}

function failureOf(key: string, { outcome, session }: TurnEnd): ErrorParts | undefined {
  const error = turnError(key, outcome, session !== null);
  return error && partsOf(error);
}

/** The end of a turn that kugetsu itself could not see through. */
export function failed(error: unknown): TurnEnd {
  const parts: ErrorParts = partsOf(error);
  const outcome: Outcome = { kind: "failed", reason: "kugetsu", detail: parts.message };
  return { outcome, session: null, text: "", error: parts };
}
