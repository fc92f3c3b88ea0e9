/** The traces of issues as files: `logs/issues/NAME.jsonl`, `turns/NAME.json`, and what else was printed into `logs/`. */
import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { errors, partsOf } from "../errors.ts";
import { type Mail, Mailbox } from "./mailbox.ts";
import type { Kept, Line, Trace, Traces } from "./mod.ts";
import { removeTranscript, transcriptIn } from "./transcript.ts";
import { olderOf, readTranscript } from "./transcript_reader.ts";

export class FileTraces implements Traces {
  readonly #logs: string;
  readonly #mailbox: Mailbox;
  readonly #mails: string;

  readonly #state: string;
  readonly #nameOf: (key: string) => Promise<string>;

  /** `nameOf` gives the name of an issue in files. */
  constructor(stateFolder: string, nameOf: (key: string) => Promise<string>) {
    this.#state = stateFolder;
    this.#nameOf = nameOf;
    this.#logs = join(stateFolder, "logs");
    this.#mails = join(stateFolder, "turns");
    this.#mailbox = new Mailbox(stateFolder);
  }

  issues(): Trace[] {
    const spoken = namesIn(join(this.#logs, "issues"), ".jsonl")
      .map((name) => basename(name, ".older"));
    const names = [...new Set([...spoken, ...this.#mailbox.names()])].sort();
    return names.map((name) => ({
      name,
      changed: newestOf(this.#filesOf(name)),
      ...this.#told(name),
    }));
  }

  async transcript(key: string, after?: number): Promise<Line[]> {
    return readTranscript(this.#transcript(await this.#nameOf(key)), { after });
  }

  async kept(key: string): Promise<Kept | undefined> {
    return keptOf(this.#mailbox.read(await this.#nameOf(key)));
  }

  failedStarts(names: readonly string[]): Kept[] {
    const known = new Set(names);
    const others = this.#mailbox.names().filter((name) => !known.has(name));
    return others.flatMap((name) => {
      // What is damaged is for doctor to name.
      const kept = keptOf(this.#mailbox.readWhole(name));
      return kept?.failure ? [kept] : [];
    });
  }

  hasAccepted(): boolean {
    return this.#mailbox.hasAccepted();
  }

  setAside(name: string): void {
    const path = this.#mail(name);
    const time = new Date().toISOString().replaceAll(/[:.]/g, "-");
    try {
      renameSync(path, `${path}.damaged-${time}`);
    } catch (cause) {
      throw errors.unwritable(path, cause);
    }
  }

  remove(name: string): void {
    try {
      removeTranscript(this.#transcript(name));
      rmSync(this.#mail(name), { force: true });
    } catch (cause) {
      throw errors.unwritable(this.#transcript(name), cause);
    }
  }

  logs() {
    return namesIn(this.#logs, ".log").map((name) => {
      const path = join(this.#logs, `${name}.log`);
      return { path, changed: newestOf([path]) };
    });
  }

  removeLog(path: string): void {
    if (!this.logs().some((it) => it.path === path)) return;
    rmSync(path, { force: true });
  }

  /** What cannot be read may hold a turn that is not over. */
  #told(name: string): Omit<Trace, "name" | "changed"> {
    try {
      const mail = this.#mailbox.read(name);
      const isOpen = mail !== undefined && (mail.current !== undefined || mail.next.length > 0);
      return { key: mail?.key, isOpen };
    } catch (error) {
      const { code, message } = partsOf(error);
      return { key: undefined, isOpen: true, why: message, isDamaged: code === "damaged-record" };
    }
  }

  #filesOf(name: string): string[] {
    const path = this.#transcript(name);
    return [path, olderOf(path), this.#mail(name)];
  }

  #mail(name: string): string {
    return join(this.#mails, `${name}.json`);
  }

  #transcript(name: string): string {
    return transcriptIn(this.#state, name);
  }
}

function keptOf(mail: Mail | undefined): Kept | undefined {
  if (!mail) return undefined;
  const { key, current, next, last, over_at, failure } = mail;
  return { key, accepted: [...(current ? [current] : []), ...next], last, over_at, failure };
}

function namesIn(folder: string, suffix: string): string[] {
  try {
    return readdirSync(folder).filter((it) => it.endsWith(suffix) && !it.startsWith("."))
      .map((it) => basename(it, suffix)).sort();
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return []; // nothing was ever said
    throw errors.unreadable(folder, cause);
  }
}

function newestOf(files: string[]): number {
  return Math.max(0, ...files.map((it) => statSync(it, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}
