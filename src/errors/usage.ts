/** Bad usage: exit status 2. */
import {
  type Advice,
  EXAMPLE,
  EXIT,
  GENERAL_HELP,
  make,
  oneLine,
  quote,
  shorten,
} from "./kugetsu_error.ts";

export const usage = {
  /** Without advice, the help of the command that was called: cli/run.ts knows which. */
  usage: (message: string, advice: Advice = GENERAL_HELP) =>
    make("usage", EXIT.usage, message, advice),
  badRef: (text: string, why: string) =>
    make(
      "bad-ref",
      EXIT.usage,
      `Cannot read the issue ref ${quote(shorten(text))}: ${why}`,
      { hint: `write it as instance/user/repo#number, for example ${EXAMPLE}` },
    ),
  badRepository: (text: string) =>
    make(
      "bad-repository",
      EXIT.usage,
      `Cannot read the repository ${
        quote(shorten(text))
      }: an instance, a user and a name are needed`,
      { hint: `write it as instance/user/repo, for example ${EXAMPLE.split("#")[0]}` },
    ),
  noOrigin: (text: string, folder: string, why: string) =>
    make(
      "no-origin",
      EXIT.usage,
      `Cannot read the issue ref ${quote(text)} in ${quote(folder)}: ${why}`,
      { hint: `name the repository too, for example ${EXAMPLE}` },
    ),
  noMessage: (host: string, next: string) =>
    make(
      "no-message",
      EXIT.usage,
      `Cannot begin a turn: no message was given, and no plugin knows the forge of ${quote(host)}`,
      next,
    ),
  emptyMessage: (what: string) =>
    make("empty-message", EXIT.usage, `Cannot send ${what}: it is empty`, {
      hint: 'say what to do, for example "fix the login"',
    }),
  badSessionId: (text: string) =>
    make(
      "bad-session-id",
      EXIT.usage,
      `Cannot adopt ${quote(shorten(text))}: it is not the id of a session, as in ses_abc123`,
      { next: "opencode session list", hint: "shows the sessions that there are" },
    ),
  tooMuchText: (what: string, most: number) =>
    make(
      "too-much-text",
      EXIT.usage,
      `Cannot send ${what}: it has more than ${most / (1024 * 1024)} MiB`,
      { hint: "put it into a file that the agent can read, and name that" },
    ),
  noText: (what: string) =>
    make("no-text", EXIT.usage, `Cannot send ${what}: it is not text in UTF-8`, {
      hint: "write it as UTF-8, or name the file in the message",
    }),
  badConfig: (path: string, why: string, next = "kugetsu config path") =>
    make("bad-config", EXIT.usage, `Cannot use the configuration ${quote(path)}: ${why}`, next),
  badSetting: (name: string, value: string, why: string) =>
    make(
      "bad-setting",
      EXIT.usage,
      `Cannot use ${quote(value)} for ${name}: ${why}`,
      name.startsWith("--") ? GENERAL_HELP : "kugetsu config list",
    ),
  unknownSetting: (name: string, nearest?: string) =>
    make(
      "unknown-setting",
      EXIT.usage,
      `Cannot find a setting ${quote(name)}${nearest ? `: did you mean ${quote(nearest)}?` : ""}`,
      "kugetsu config list",
    ),
  noForge: (host: string, why: string) =>
    make("no-forge", EXIT.usage, `Cannot find the forge of ${quote(host)}: ${why}`, {
      next: "kugetsu plugin list",
      hint: "or name it in config.jsonc, under instances",
    }),
  unknownForge: (host: string, forge: string) =>
    make(
      "unknown-forge",
      EXIT.usage,
      `Cannot find the forge of ${quote(host)}: config names ${quote(forge)}, which no plugin has`,
      {
        next: "kugetsu plugin list",
        hint: "instances in config.jsonc says which forge a host has",
      },
    ),
  twoForges: (host: string, plugins: string[]) =>
    make(
      "two-forges",
      EXIT.usage,
      `Cannot choose the forge of ${quote(host)}: ${plugins.map(quote).join(" and ")} claim it`,
      {
        next: "kugetsu config path",
        hint: `name one there: "instances": {"${host}": {"forge": …}}`,
      },
    ),
  badPlugin: (source: string, why: string, next = "kugetsu plugin --help") =>
    make(
      "bad-plugin",
      EXIT.usage,
      `Cannot take ${quote(shorten(source))} as a plugin: ${oneLine(why)}`,
      next,
    ),

  badCursor: (text: string) =>
    make(
      "bad-cursor",
      EXIT.usage,
      `Cannot go on after ${quote(shorten(text))}: it is no cursor of an event`,
      { next: "kugetsu events", hint: 'its lines have one each, "cursor"; take the last one seen' },
    ),
  badRevision: (rev: string, folder: string) =>
    make(
      "bad-revision",
      EXIT.usage,
      `Cannot begin at ${quote(rev)}: there is no such commit in ${quote(folder)}`,
      { next: `git -C ${quote(folder)} log --oneline --all`, hint: "fetch it first, if it is new" },
    ),
  noRepository: (folder: string, why: string) =>
    make("no-repository", EXIT.usage, `Cannot make a worktree of ${quote(folder)}: ${why}`, {
      hint: "with --shared the work is done in the base's folder itself",
    }),
  worktreeImpossible: (why: string) =>
    make("worktree-impossible", EXIT.usage, `Cannot use a worktree: ${why}`, {
      hint: "with --shared the work is done in the base's folder itself",
    }),
} as const;
