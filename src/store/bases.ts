/**
 * Base sessions: the default one, which the tool before this one knows, and one more for each further repository.
 *
 * The default base is `index.base` and `sessions/base.json`. The others lie in `bases/`, named by their
 * repository, and are in no index: each file is all there is of one. Every change is made under the store lock.
 */
import { mkdirSync } from "node:fs";
import { errors } from "../errors.ts";
import { removeDurably, writeDurably } from "../platform/durable_write.ts";
import { baseFileOf } from "../session/file_name.ts";
import type { MadeSession, SessionRecord } from "../session/record.ts";
import type { Repository } from "../session/ref.ts";
import {
  type Found,
  readIndex,
  readParsed,
  readSession,
  readText,
  writeIndex,
  writeSession,
} from "./files.ts";
import { BASE_FILE, filesIn, type Layout } from "./layout.ts";
import type { SessionRow } from "./mod.ts";
import { damagedRow, rowOf } from "./row.ts";
import { type Index, parseRecord } from "./schemas.ts";

/** The default base; undefined where there is none. @throws index-damaged, damaged-record */
export function defaultBase(layout: Layout, index = readIndex(layout)): MadeSession | undefined {
  if (index.base === null) return undefined;
  return demandMade(readSession(layout, BASE_FILE), layout.session(BASE_FILE));
}

/** The files of further bases. */
export function baseFiles(layout: Layout): string[] {
  return filesIn(layout.bases, ".json");
}

export function readBase(layout: Layout, file: string): Found {
  const parsed = readParsed(layout.base(file), parseRecord);
  if (!parsed) return { kind: "absent" };
  if (!parsed.ok) return { kind: "damaged", why: parsed.why };
  const { type, repository, opencode_session_id: id } = parsed.value;
  const isRight = type === "base" && id !== null && repository && baseFileFor(repository) === file;
  if (!isRight) {
    return { kind: "damaged", why: "it is not the base of the repository it is named by" };
  }
  return { kind: "record", record: parsed.value };
}

/** The default base, then the others; those that cannot be read are left out, for `doctor` to tell. */
export function allBases(layout: Layout): MadeSession[] {
  const others = baseFiles(layout).flatMap((file) => {
    const found = readBase(layout, file);
    return found.kind === "record" ? [found.record as MadeSession] : [];
  });
  const first = readIndex(layout).base === null ? undefined : readSession(layout, BASE_FILE);
  const isMade = first?.kind === "record" && first.record.opencode_session_id !== null;
  return isMade ? [first.record as MadeSession, ...others] : others;
}

/** The rows of further bases. */
export function baseRows(layout: Layout): SessionRow[] {
  return baseFiles(layout).flatMap((file): SessionRow[] => {
    const found = readBase(layout, file);
    if (found.kind === "absent") return [];
    if (found.kind === "damaged") {
      return [{ ...damagedRow(`(base) ${file}`, file, found.why), type: "base" }];
    }
    return [rowOf(`(base) ${found.record.repository}`, file, found.record)];
  });
}

/** The base of a repository. @throws damaged-record */
export function baseOf(layout: Layout, repository: string): MadeSession | undefined {
  const first = defaultBase(layout);
  return first?.repository === repository ? first : furtherBase(layout, repository);
}

function furtherBase(layout: Layout, repository: string): MadeSession | undefined {
  const file = baseFileFor(repository);
  return demandMade(readBase(layout, file), layout.base(file));
}

/** The base in whose place one of that repository would be put. @throws damaged-record */
export function standingBase(
  layout: Layout,
  repository: string | undefined,
): MadeSession | undefined {
  if (repository === undefined) return defaultBase(layout);
  const further = furtherBase(layout, repository);
  if (further) return further;
  const first = defaultBase(layout);
  return first?.repository === repository ? first : undefined;
}

/** The first base is the default one. Without a repository a base can be found in no other place. */
export function putBase(layout: Layout, record: MadeSession, index: Index): void {
  const { repository } = record;
  const first = index.base === null ? undefined : readSession(layout, BASE_FILE);
  const holds = first?.kind === "record" ? first.record.repository : undefined;
  const isFree = first === undefined || first.kind === "absent";
  // The default one itself, of which more is known now.
  const isSame = first?.kind === "record" &&
    first.record.opencode_session_id === record.opencode_session_id;
  if (
    repository !== undefined && !isSame &&
    (readText(layout.base(baseFileFor(repository))) !== undefined ||
      (!isFree && holds !== repository))
  ) {
    return writeBase(layout, baseFileFor(repository), record);
  }
  // A session file without any index would look as if the index had been lost.
  if (readText(layout.index) === undefined) writeIndex(layout, index);
  writeSession(layout, BASE_FILE, record);
  try {
    writeIndex(layout, { ...index, base: record.opencode_session_id });
  } catch (error) {
    undoBase(layout, record, first);
    throw error;
  }
}

export function writeBase(layout: Layout, file: string, record: SessionRecord): void {
  mkdirSync(layout.bases, { recursive: true, mode: 0o700 });
  writeDurably(layout.base(file), `${JSON.stringify(record, null, 2)}\n`);
}

/** A base that could not be put in the index is not left in its file either, as far as that can be done. */
function undoBase(layout: Layout, record: MadeSession, former: Found | undefined): void {
  try {
    if (readIndex(layout).base === record.opencode_session_id) return;
    if (former?.kind === "record") writeSession(layout, BASE_FILE, former.record);
    else removeDurably(layout.session(BASE_FILE));
  } catch { /* the first error matters, and doctor tells of the rest */ }
}

/** Takes the default base away, or the one of a repository; false when there is none. */
export function dropBase(layout: Layout, repository: string | undefined): boolean {
  const index = readIndex(layout);
  const further = repository === undefined ? undefined : layout.base(baseFileFor(repository));
  if (further && readText(further) !== undefined) {
    removeDurably(further);
    return true;
  }
  if (further && defaultBase(layout, index)?.repository !== repository) return false;
  removeDurably(layout.session(BASE_FILE));
  if (index.base === null) return false;
  writeIndex(layout, { ...index, base: null });
  return true;
}

/** The name of a repository's file in `bases/`. */
export function baseFileFor(repository: string): string {
  const [host, ...project] = repository.split("/");
  return baseFileOf({ host: host!, project } satisfies Repository);
}

function demandMade(found: Found, path: string): MadeSession | undefined {
  if (found.kind === "damaged") throw errors.damagedRecord(path, found.why);
  if (found.kind === "absent" || found.record.opencode_session_id === null) return undefined;
  return found.record as MadeSession;
}
