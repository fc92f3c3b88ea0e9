/** The traces of issues as files: `logs/issues/NAME.jsonl`, `turns/NAME.json`, and what else was printed into `logs/`. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { errors, reasonOf } from "../errors.ts";
import { Mailbox } from "./mailbox.ts";
import type { Trace, Traces } from "./mod.ts";
import { olderOf, removeTranscript } from "./transcript.ts";

export class FileTraces implements Traces {
  readonly #logs: string;
  readonly #mailbox: Mailbox;
  readonly #mails: string;

  constructor(stateFolder: string) {
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

  remove(name: string): void {
    try {
      removeTranscript(this.#transcript(name));
      rmSync(join(this.#mails, `${name}.json`), { force: true });
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
  #told(name: string): Pick<Trace, "key" | "isOpen" | "why"> {
    try {
      const mail = this.#mailbox.read(name);
      const isOpen = mail !== undefined && (mail.current !== undefined || mail.next.length > 0);
      return { key: mail?.key, isOpen };
    } catch (error) {
      return { key: undefined, isOpen: true, why: reasonOf(error) };
    }
  }

  #filesOf(name: string): string[] {
    const path = this.#transcript(name);
    return [path, olderOf(path), join(this.#mails, `${name}.json`)];
  }

  #transcript(name: string): string {
    return join(this.#logs, "issues", `${name}.jsonl`);
  }
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
