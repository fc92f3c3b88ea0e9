/**
 * What kugetsu has promised about a state folder: a test tells what it did to each issue and how that ended, and
 * has the folder compared with it. A command that ended with 0 is a promise; of one that was cut off, both what
 * was before and what it was about to do may be found.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type OldListing, readAsOldTool } from "./old_reader.ts";
import type { StateFolder } from "./state_folder.ts";

export type Operation = "start" | "continue" | "destroy";

/** A session of the issue, or that it has none. `some` stands for a session whose id nobody was told. */
type Possible = { session: string } | "none" | "some";

export class Promises {
  readonly #issues = new Map<string, Possible[]>();
  #base: (string | null)[];

  constructor(base: string | null) {
    this.#base = [base];
  }

  /** Whether the issue has a session for all that is known; `check` leaves no doubt. */
  has(ref: string): boolean {
    return typeof this.#of(ref)[0] === "object";
  }

  /** A command was done, and said so. */
  kept(ref: string, operation: Operation, session: string | null): void {
    if (operation === "start") this.#issues.set(ref, [{ session: session! }]);
    if (operation === "destroy") this.#issues.set(ref, ["none"]);
  }

  /** A command was cut off, or failed. */
  open(ref: string, operation: Operation): void {
    if (operation === "start") this.#issues.set(ref, [...this.#of(ref), "some"]);
    if (operation === "destroy") this.#issues.set(ref, [...this.#of(ref), "none"]);
  }

  baseKept(session: string | null): void {
    this.#base = [session];
  }

  baseOpen(session: string | null): void {
    this.#base = [...this.#base, session];
  }

  /** Compares the folder with what was promised; what is found there is what counts from now on. */
  async check(folder: string): Promise<void> {
    const { base, rows } = await read(folder);
    assert.ok(this.#base.includes(base), `the base is ${base}, not ${this.#base.join(" or ")}`);
    this.#base = [base];
    for (const { ref } of rows) assert.ok(this.#issues.has(ref), `${ref} came from nowhere`);
    for (const [ref, possible] of this.#issues) {
      const session = rows.find((row) => row.ref === ref)?.session ?? null;
      const fits = possible.some((it) =>
        session === null
          ? it === "none"
          : it === "some" || (it !== "none" && it.session === session)
      );
      assert.ok(fits, `${ref} has ${session}, but should have ${JSON.stringify(possible)}`);
      this.#issues.set(ref, [session === null ? "none" : { session }]);
    }
  }

  #of(ref: string): Possible[] {
    return this.#issues.get(ref) ?? ["none"];
  }
}

/** Every file is whole; which of its contents it has is another matter. */
export async function assertWhole(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  for (const name of names.filter((it) => /^(?!.*\/\.)(?:index|sessions\/.*)\.json$/.test(it))) {
    const text = await readFile(join(folder, name), "utf8");
    assert.doesNotThrow(() => JSON.parse(text), `${name} held ${JSON.stringify(text)}`);
  }
}

/** The old tool makes the index before it reads anything. */
async function read(folder: string): Promise<OldListing> {
  const isNew = !existsSync(join(folder, "index.json")) &&
    (await readdir(join(folder, "sessions")).catch(() => [])).length === 0;
  return isNew ? { base: null, rows: [] } : await readAsOldTool(folder);
}

/** What the doctor says of the folder itself; whether opencode has the sessions is another matter. */
interface Report {
  ok: boolean;
  checks: { check: string; ok: boolean; text: string; repaired?: boolean }[];
}

/**
 * Has the folder repaired, and finds it sound after that: for kugetsu, for its list, and for the old tool.
 * Orphans are sound, but none of ours ever makes one.
 */
export async function assertRepairs(
  lab: StateFolder,
  { orphans = false } = {},
): Promise<Report> {
  const repair = await lab.kugetsu(["doctor", "--fix", "--json"]);
  assert.equal(repair.code, 0, repair.stdout + repair.stderr);
  const { code, stdout, stderr } = await lab.kugetsu(["doctor", "--json"]);
  assert.equal(code, 0, stdout + stderr);
  const checks = (JSON.parse(stdout) as Report).checks;
  if (!orphans) assert.ok(checks.some(({ text }) => text.endsWith("is sound")), stdout);
  const list = await lab.kugetsu(["list"]);
  assert.equal(list.code, 0, list.stderr);
  await read(lab.state);
  return JSON.parse(repair.stdout) as Report;
}
