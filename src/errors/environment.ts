/** The environment, and what is broken inside: exit statuses 5 and 1. */
import {
  EXAMPLE,
  EXIT,
  type ExitStatus,
  make,
  oneLine,
  quote,
  reasonOf,
  shorten,
} from "./kugetsu_error.ts";

export const environment = {
  nothingToWatch: () =>
    make(
      "no-screen",
      EXIT.environment,
      "Cannot show the states in place: standard output is not a terminal",
      { next: "kugetsu status --json", hint: "kugetsu wait returns when turns are over" },
    ),
  noTerminal: () =>
    make(
      "no-terminal",
      EXIT.environment,
      "Cannot open opencode's interface: this is not a terminal",
      {
        next: "kugetsu init --headless",
        hint: "makes a base session without one; kugetsu init --session ID adopts one",
      },
    ),
  noTerminalToAttach: (ref: string) =>
    make(
      "no-terminal",
      EXIT.environment,
      `Cannot open opencode's interface on ${quote(ref)}: this is not a terminal`,
      {
        next: `kugetsu attach ${quote(ref)} --print`,
        hint: "prints the call for another machine's terminal",
      },
    ),
  noOpencode: (looked: string) =>
    make(
      "no-opencode",
      EXIT.environment,
      `Cannot find opencode: ${looked}`,
      { next: "npm install -g opencode-ai", hint: "or set KUGETSU_OPENCODE to the executable" },
    ),
  opencodeTooOld: (found: string, needed: string) =>
    make(
      "opencode-too-old",
      EXIT.environment,
      `Cannot work with opencode ${found}: ${needed} or newer is needed`,
      "opencode upgrade",
    ),
  noGit: () =>
    make("no-git", EXIT.environment, "Cannot find git: it is not in an absolute folder on PATH", {
      hint: "install your system's package git; a whole ref, as in " + EXAMPLE + ", needs none",
    }),
  gitFailed: (action: string, why: string) =>
    make("git-failed", EXIT.environment, `Cannot ${action}: ${why}`, "kugetsu doctor"),
  setupFailed: (ref: string, why: string, log: string) =>
    make(
      "setup-failed",
      EXIT.environment,
      `Cannot get the worktree of ${quote(ref)} ready with worktree.setup: ${why}`,
      {
        next: `cat ${quote(log)}`,
        hint: `the worktree was taken back; kugetsu retry ${
          quote(ref)
        } makes it anew, with the settings of then`,
      },
    ),
  opencodeFailed: (action: string, why: string) =>
    make("opencode-failed", EXIT.environment, `Cannot ${action}: ${why}`, "kugetsu doctor"),
  noFolder: (folder: string, what: string, why: string, next?: string) =>
    make(
      "no-folder",
      EXIT.environment,
      `Cannot use ${quote(folder)}, ${what}: ${why}`,
      { next, hint: next ? "or put the folder back" : "name a folder that is there" },
    ),
  noCurrentFolder: (cause: unknown) =>
    make(
      "no-current-folder",
      EXIT.environment,
      "Cannot work in the current folder: it was deleted, or may not be entered",
      { hint: "change to another one with cd, and run the command again" },
      cause,
    ),
  wrongFolder: (id: string, found: string, wanted: string) =>
    make(
      "wrong-folder",
      EXIT.environment,
      `Cannot use session ${id} in ${quote(wanted)}: it belongs to ${quote(found)}`,
      `kugetsu init --session ${id} --dir ${quote(found)}`,
    ),
  unwritable: (path: string, cause: unknown) =>
    make(
      "unwritable",
      EXIT.environment,
      `Cannot write ${quote(path)}: ${reasonOf(cause)}; what was there is unchanged`,
      "kugetsu doctor",
      cause,
    ),
  uncertain: (path: string, cause: unknown) =>
    make(
      "durability-uncertain",
      EXIT.environment,
      `Wrote ${quote(path)}, but cannot tell whether it would survive a power cut: ${
        reasonOf(cause)
      }`,
      "kugetsu doctor",
      cause,
    ),
  unreadable: (path: string, cause: unknown) =>
    make(
      "unreadable",
      EXIT.environment,
      `Cannot read ${quote(path)}: ${reasonOf(cause)}`,
      { next: "kugetsu doctor", hint: "ls -l shows what it is, and whose" },
      cause,
    ),
  unreadableFile: (path: string, cause: unknown) =>
    make(
      "unreadable-file",
      EXIT.environment,
      `Cannot read ${quote(path)}: ${reasonOf(cause)}`,
      { hint: "name a file that is there and may be read" },
      cause,
    ),
  unreadableInput: (cause: unknown) =>
    make(
      "unreadable-input",
      EXIT.environment,
      `Cannot read standard input: ${reasonOf(cause)}`,
      { hint: "give it a file, or a pipe, that may be read" },
      cause,
    ),
  pathTooLong: (path: string, longest: number) =>
    make(
      "path-too-long",
      EXIT.environment,
      `Cannot make the socket ${quote(path)}: its path is longer than ${longest} bytes`,
      { hint: "set KUGETSU_HOME to a folder with a shorter path" },
    ),
  supervisorFailed: (why: string, log: string) =>
    make(
      "supervisor-failed",
      EXIT.environment,
      `Cannot reach the supervisor: ${why}`,
      { hint: `${quote(log)} may say why` },
    ),
  supervisorOlder: (why: string) =>
    make(
      "supervisor-older",
      EXIT.busy,
      `Cannot use the supervisor that runs: ${why}`,
      { next: "kugetsu supervisor restart", hint: "turns on opencode's server go on meanwhile" },
    ),
  /** `turns` are not over, and somebody is attached to the issues of `attached`. */
  supervisorBusy: (turns: number, attached: readonly string[]) => {
    const why = [
      ...(turns > 0 ? [turns === 1 ? "a turn is not over" : `${turns} turns are not over`] : []),
      ...(attached.length > 0 ? [`somebody is attached to ${attached.join(", ")}`] : []),
    ];
    return make(
      "supervisor-busy",
      EXIT.busy,
      `Cannot end the supervisor: ${why.join(", and ")}`,
      {
        next: "kugetsu supervisor status",
        hint: "shows more; kugetsu supervisor stop --force ends it, and stops what runs",
      },
    );
  },
  noSystemd: () =>
    make(
      "no-systemd",
      EXIT.environment,
      "Cannot install the service: there is no systemctl on PATH",
      {
        next: "kugetsu supervisor restart",
        hint:
          "starts a supervisor, say when the machine starts; a command that needs one starts it too",
      },
    ),
  serviceFailed: (why: string) =>
    make(
      "service-failed",
      EXIT.environment,
      `Cannot start the service: ${oneLine(why)}`,
      { hint: "systemctl --user status kugetsu.service says more; its unit is written" },
    ),
  damagedRecord: (path: string, why: string) =>
    make(
      "damaged-record",
      EXIT.environment,
      `Cannot read the session file ${quote(path)}: ${why}`,
      { next: "kugetsu doctor --fix", hint: "keeps a copy of it" },
    ),
  networkFolder: (path: string, kind: string) =>
    make(
      "network-folder",
      EXIT.environment,
      `Cannot keep state in ${
        quote(path)
      }: it is on a network file system (${kind}), where locks cannot be trusted`,
      { hint: "set KUGETSU_HOME to a folder on a local disk" },
    ),
  pluginUnloadable: (name: string, why: string, next?: string) =>
    make(
      "plugin-unloadable",
      EXIT.environment,
      `Cannot load the plugin ${quote(name)}: ${oneLine(why)}`,
      next ?? { hint: "what it prints on standard error is shown with --debug" },
    ),
  pluginFailsCheck: (name: string, failures: number) =>
    make(
      "plugin-fails-check",
      EXIT.environment,
      `The plugin ${quote(name)} is not as it should be: ${failures} of its checks fail`,
      { hint: "correct it, and check it again" },
    ),
  hostUnreachable: (host: string, why: string) =>
    make(
      "forge-unreachable",
      EXIT.environment,
      `Cannot find out what forge ${quote(host)} has: ${oneLine(why)}`,
      { hint: "instances in config.jsonc can say so" },
    ),
  tokenUnset: (host: string, variable: string) =>
    make(
      "token-unset",
      EXIT.environment,
      `Cannot get a token for ${quote(host)}: ${variable}, which config names for it, is not set`,
      { hint: `set ${variable}, or take token_variable out of config.jsonc` },
    ),
  tokenCommandFailed: (host: string) =>
    make(
      "token-command-failed",
      EXIT.environment,
      `Cannot get a token for ${quote(host)}: its token_command failed or printed nothing`,
      { next: "kugetsu config path", hint: "run the command that stands there" },
    ),

  notInstalled: (executable: string) =>
    make(
      "not-installed",
      EXIT.environment,
      `Cannot replace or remove ${quote(executable)}: it is not an executable called kugetsu`,
      { hint: "in a checkout, sh install.sh installs what is there" },
    ),
  /** `detail` is what programs said that the installer called. */
  installFailed: (exit: ExitStatus, message: string, detail: string, next?: string) =>
    make("install-failed", exit, detail ? `${message}: ${shorten(detail)}` : message, { next }),

  leftoversAlive: (turn: string, count: number) =>
    make(
      "leftovers-alive",
      EXIT.environment,
      `Cannot begin a turn: ${count} processes of the cut-off turn ${turn} would not end`,
      { hint: "end them, then run the command again" },
    ),
} as const;
