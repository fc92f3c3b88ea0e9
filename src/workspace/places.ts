/** Where worktrees lie in the state folder, and the note beside each that says what it was made for. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { errors } from "../errors.ts";
import { removeDurably, writeDurably } from "../platform/durable_write.ts";

const note = v.object({
  ref: v.string(),
  /** Whether it is still being made: found so, it was cut off. */
  making: v.boolean(),
  /** Marks the processes of its setup. */
  id: v.string(),
  /** Whether the branch was made along with it. */
  newBranch: v.boolean(),
  worktree: v.object({
    path: v.string(),
    branch: v.string(),
    from: v.string(),
    repository: v.string(),
  }),
});

/** Kept as long as the worktree is. It is written before git is called, so nothing of ours is ever nameless. */
export type Note = v.InferOutput<typeof note>;

/** What a folder is renamed to before it is deleted: from then on it is waste, whatever happens. */
export const WASTE = /^\.(.+)\.[0-9a-f]+\.deleting$/;
const SLUG = /^[a-z0-9][a-z0-9._+-]*$/;

export class Places {
  /** Without symbolic links, as git reports it. */
  readonly worktrees: string;
  readonly #state: string;

  constructor(state: string) {
    this.#state = realOr(state);
    this.worktrees = join(this.#state, "worktrees");
  }

  worktree(slug: string): string {
    return join(this.worktrees, slug);
  }

  log(slug: string): string {
    return join(this.#state, "logs", `${slug}.setup.log`);
  }

  /** The name of a worktree of ours; undefined for any other path, however it is written. */
  slugOf(path: string): string | undefined {
    const slug = path.slice(this.worktrees.length + 1);
    return SLUG.test(slug) && !slug.endsWith(".json") && path === this.worktree(slug)
      ? slug
      : undefined;
  }

  /** Whether a worktree of ours is not there, or was cut off while it was made. */
  isGone(path: string): boolean {
    const slug = this.slugOf(path);
    if (slug === undefined) return false;
    return !lstatSync(path, { throwIfNoEntry: false }) || this.note(slug)?.making === true;
  }

  /** The folders are made for their owner alone; one that leads elsewhere is not used. */
  prepare(): void {
    for (const folder of [this.worktrees, join(this.#state, "logs")]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (!lstatSync(folder).isDirectory()) {
        throw errors.unwritable(folder, new Error("it is a symbolic link"));
      }
    }
  }

  wasteFor(slug: string): string {
    return this.worktree(`.${slug}.${crypto.randomUUID().slice(-12)}.deleting`);
  }

  names(): string[] {
    try {
      return readdirSync(this.worktrees);
    } catch (cause) {
      if ((cause as { code?: string }).code === "ENOENT") return []; // there never was a worktree
      throw errors.unreadable(this.worktrees, cause);
    }
  }

  note(slug: string): Note | undefined {
    try {
      const read = v.parse(note, JSON.parse(readFileSync(this.#noteFile(slug), "utf8")));
      return read.worktree.path === this.worktree(slug) ? read : undefined;
    } catch {
      return undefined; // none, or none that says anything
    }
  }

  writeNote(slug: string, content: Note): void {
    writeDurably(this.#noteFile(slug), `${JSON.stringify(content, null, 2)}\n`);
  }

  removeNote(slug: string): void {
    removeDurably(this.#noteFile(slug));
  }

  #noteFile(slug: string): string {
    return join(this.worktrees, `${slug}.json`);
  }
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
