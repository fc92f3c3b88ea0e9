/** Where each thing lies in the state folder, and how the folder is made. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  statfsSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { errors } from "../errors.ts";

export const BASE_FILE = "base.json";

export interface Layout {
  folder: string;
  index: string;
  sessions: string;
  session(file: string): string;
  /** Further bases; never in `sessions`, where the tool before this one would take them for waste. */
  bases: string;
  base(file: string): string;
  storeLock: string;
  turnLocks: string;
  turnLock(file: string): string;
  /** What a listing keeps for the next one. */
  overview: string;
  /** What happened, for those who follow. */
  journal: string;
  journalLock: string;
}

export function layoutOf(folder: string): Layout {
  const sessions = join(folder, "sessions");
  const bases = join(folder, "bases");
  const turnLocks = join(folder, "locks", "turns");
  return {
    folder,
    index: join(folder, "index.json"),
    sessions,
    // Joined by hand: a listing asks for thousands.
    session: (file) => `${sessions}${sep}${file}`,
    bases,
    base: (file) => join(bases, file),
    storeLock: join(folder, "locks", "store.lock"),
    turnLocks,
    turnLock: (file) => join(turnLocks, `${basename(file, ".json")}.lock`),
    overview: join(folder, "run", "overview.json"),
    journal: join(folder, "journal"),
    journalLock: join(folder, "locks", "journal.lock"),
  };
}

/** Makes what is missing, mode 0700, and refuses a file system on which locks mean nothing. */
export function prepareFolder(layout: Layout): void {
  try {
    const isNew = !existsSync(layout.folder);
    mkdirSync(layout.sessions, { recursive: true, mode: 0o700 });
    mkdirSync(layout.turnLocks, { recursive: true, mode: 0o700 });
    if (!isNew) chmodSync(layout.folder, 0o700);
  } catch (cause) {
    throw errors.unwritable(layout.folder, cause);
  }
  const kind = NETWORK_FILE_SYSTEMS.get(statfsSync(layout.folder).type >>> 0);
  if (kind) throw errors.networkFolder(layout.folder, kind);
}

/** What lies where a folder of the state belongs, and is none. */
export function misplacedFile(layout: Layout): string | undefined {
  return foldersThere(layout).find((path) => !statSync(path).isDirectory());
}

/** A folder in which writing would fail, without trying. */
export function unwritableFolder(layout: Layout): { path: string; cause: unknown } | undefined {
  for (const path of foldersThere(layout)) {
    try {
      accessSync(path, constants.W_OK | constants.X_OK);
    } catch (cause) {
      return { path, cause };
    }
  }
  return undefined;
}

/** The folders that are written to; what is missing would be made in what is there. */
function foldersThere({ folder, sessions, bases, turnLocks }: Layout): string[] {
  return [folder, sessions, bases, turnLocks].map(nearestThere);
}

function nearestThere(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestThere(dirname(path));
}

/** `f_type` of statfs(2) on Linux; other systems use other numbers, which are then simply not found. */
const NETWORK_FILE_SYSTEMS = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x517b, "SMB"],
  [0x01021997, "9p"],
  [0x5346414f, "AFS"],
  [0x00c36400, "CephFS"],
]);

/** The names of a folder's files that end in `suffix`, hidden ones left out; none if it is missing. */
export function filesIn(folder: string, suffix: string): string[] {
  return namesIn(folder).filter((name) => name.endsWith(suffix) && !name.startsWith("."));
}

/** The same for hidden files, which is what temporary ones are. */
export function hiddenFilesIn(folder: string, suffix: string): string[] {
  return namesIn(folder).filter((name) => name.endsWith(suffix) && name.startsWith("."));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOENT") return [];
    throw errors.unreadable(folder, cause);
  }
}
