/**
 * The service as a unit of the user's systemd. It starts a supervisor that stays; turns and opencode's server are none
 * of systemd's business, so a restart of the unit leaves them alone.
 */
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { errors } from "../errors.ts";
import { removeDurably, writeDurably } from "../platform/durable_write.ts";
import { readIfThere } from "../platform/read_if_there.ts";
import { findExecutable } from "../platform/executables.ts";
import type { InstalledService, Service, ServiceFound } from "./mod.ts";

type Environment = Record<string, string | undefined>;

export interface ServiceOptions {
  env: Environment;
  /** The state folder, where it is not the usual one. */
  state: string | undefined;
  /** The command line of a supervisor that stays. */
  command: string[];
}

const UNIT = "kugetsu.service";
/** In the first line of every unit of ours. */
const MARK = "# Written by kugetsu service install";
const ASK_MS = 30_000;

export function systemdService({ env, state, command }: ServiceOptions): Service {
  const config = env["XDG_CONFIG_HOME"] || join(env["HOME"] || homedir(), ".config");
  const path = join(config, "systemd", "user", UNIT);
  const user = userInfo().username;
  const ask = (program: string, ...args: string[]) => askProgram(program, args, env);
  const tell = (...args: string[]) => ask("systemctl", "--user", ...args);
  return {
    path,
    user,
    found: () => ownerOf(readIfThere(path)),
    async install() {
      if (!findExecutable("systemctl", env["PATH"])) throw errors.noSystemd();
      const unit = unitOf(command, variablesOf(env, state));
      const changed = readIfThere(path) !== unit;
      if (changed) write(path, unit);
      const reloaded = await tell("daemon-reload");
      const lingers = lingering(await ask("loginctl", "show-user", user, "--property=Linger"));
      if (reloaded.code !== 0) return { changed, unreached: reloaded.said, lingers };
      const enabled = await tell("enable", "--now", UNIT);
      if (enabled.code !== 0) throw errors.serviceFailed(enabled.said);
      return { changed, lingers };
    },
    async uninstall() {
      const disabled = await tell("disable", "--now", UNIT);
      removeDurably(path);
      // What enabled it stays where systemd could not be told.
      removeDurably(join(dirname(path), "default.target.wants", UNIT));
      await tell("daemon-reload");
      return disabled.code === 0 ? undefined : disabled.said;
    },
  };
}

function ownerOf(unit: string | undefined): ServiceFound {
  if (unit === undefined) return "none";
  return unit.startsWith(MARK) ? "ours" : "foreign";
}

/**
 * KillMode: turns go on when the supervisor is restarted. One that cannot come up is given up after a while; commands
 * start one of their own then.
 */
function unitOf(command: string[], variables: [name: string, value: string][]): string {
  const [program, ...args] = command;
  // In the program's path a dollar stands for itself.
  const words = [quoted(program!), ...args.map((it) => quoted(it).replaceAll("$", "$$$$"))];
  return [
    `${MARK}; run it again to renew it, and kugetsu service uninstall to remove it.`,
    "[Unit]",
    "Description=kugetsu, which runs the turns of issues",
    "StartLimitIntervalSec=60",
    "StartLimitBurst=10",
    "",
    "[Service]",
    "Type=exec",
    ...variables.map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    `ExecStart=${words.join(" ")}`,
    "Restart=on-failure",
    "RestartSec=1",
    "KillMode=process",
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
}

/** systemd gives its own PATH, in which a user's programs are not found. */
function variablesOf(env: Environment, state: string | undefined): [string, string][] {
  const wanted = {
    PATH: env["PATH"],
    KUGETSU_HOME: state,
    KUGETSU_OPENCODE: env["KUGETSU_OPENCODE"],
  };
  return Object.entries(wanted).flatMap(([name, value]) => value ? [[name, value]] : []);
}

/** A word as systemd reads it. */
function quoted(text: string): string {
  const escaped = text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("%", "%%");
  return `"${escaped}"`;
}

interface Reply {
  code: number;
  stdout: string;
  /** The last thing that was said about a failure. */
  said: string;
}

function askProgram(name: string, args: string[], env: Environment): Promise<Reply> {
  const program = findExecutable(name, env["PATH"]);
  if (!program) return Promise.resolve({ code: 127, stdout: "", said: `there is no ${name}` });
  const options = { env: { ...env, LC_ALL: "C" } as NodeJS.ProcessEnv, timeout: ASK_MS };
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error ? Number(error.code) || 1 : 0;
      const said = stderr.trim().split("\n").at(-1) ||
        (error?.killed ? "no answer" : `status ${code}`);
      resolve({ code, stdout, said });
    });
  });
}

function lingering({ stdout, said }: Reply): InstalledService["lingers"] {
  if (stdout.trim() === "Linger=yes") return true;
  if (stdout.trim() === "Linger=no" || said.includes("not logged in or lingering")) return false;
  return undefined;
}

function write(path: string, unit: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeDurably(path, unit);
  } catch (cause) {
    throw errors.unwritable(path, cause);
  }
}
