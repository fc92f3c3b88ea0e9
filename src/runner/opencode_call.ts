/** What every call of opencode has in common. */

export type Environment = Record<string, string | undefined>;

/** A call that is ready to be made. */
export interface Call {
  file: string;
  args: string[];
  env: Environment;
}

/**
 * Where opencode is started, whatever folder it is to work in: its runtime reads a `tsconfig.json` of the folder in which
 * it starts, and that can name code to be run. It is told of its folder in another way.
 */
export const NEUTRAL = "/";

/** Makes a server listen on a free port of loopback. */
export const LISTENS = ["--hostname", "127.0.0.1", "--port", "0"];

/** Where a server listens, from what it says once it does. */
export function addressIn(said: string): string | undefined {
  return /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
}

/** What a server wants from whoever asks it, and its own interface as well. */
export const credentials = (password: string): Environment => ({
  OPENCODE_SERVER_PASSWORD: password,
  OPENCODE_SERVER_USERNAME: "opencode",
});

/** Where several start at once on one database, or on one that is new, opencode gives up rather than wait for it. */
export const LOCKED = /database is locked|SQLITE_BUSY|Failed query/i;
export const MOST_TRIES = 5;

/**
 * The line of what it printed that says why it failed, or nothing where it printed nothing: the last one; but where its
 * runtime reports a crash, that is the runtime's version, and the error stands above with a stack behind it; and where
 * a query failed, its parameters, of which there may be none.
 */
export function causeIn(printed: string): string {
  const lines = printed.split("\n").map((line) => line.trim()).filter(Boolean);
  const query = lines.findIndex((line) => /^Failed query:/.test(line));
  if (query >= 0) return lines.slice(query, query + 2).join(" ");
  const last = lines.at(-1) ?? "";
  if (!/^Bun v\d/.test(last)) return last;
  return lines.find((line) => /^(?:\w*[Ee]rror|E[A-Z]{3,}): /.test(line)) ?? lines[0]!;
}
