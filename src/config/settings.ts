/**
 * The settings: their names, how their values are read, and what holds when nobody says anything. Pure.
 *
 * Each can be set in `config.jsonc`, by an environment variable and by a flag; the later of these wins.
 */
import type { Limits, PermissionPolicy } from "../runner/mod.ts";

/** All settings of a turn, resolved. */
export interface Settings {
  model: string | undefined;
  agent: string | undefined;
  permissions: PermissionPolicy;
  limits: Limits;
}

/** One setting. `read` gives the value, or throws an Error that says what would be right. */
export interface Setting {
  name: string;
  variable: string;
  summary: string;
  /** What holds when it is not set; undefined means that opencode decides. */
  fallback: string | undefined;
  read(value: unknown): string | number;
}

export const SETTINGS: readonly Setting[] = [
  {
    name: "model",
    variable: "KUGETSU_MODEL",
    summary: "the model of a turn, as provider/model",
    fallback: undefined,
    read: readModel,
  },
  {
    name: "agent",
    variable: "KUGETSU_AGENT",
    summary: "the opencode agent of a turn",
    fallback: undefined,
    read: readName,
  },
  {
    name: "permissions",
    variable: "KUGETSU_PERMISSIONS",
    summary: "what becomes of things opencode would ask about: deny, allow or wait",
    fallback: "deny",
    read: readPolicy,
  },
  {
    name: "limits.firstEvent",
    variable: "KUGETSU_FIRST_EVENT_TIMEOUT",
    summary: "how long opencode may take until its first sign of life",
    fallback: "3m",
    read: readDuration,
  },
  {
    name: "limits.silence",
    variable: "KUGETSU_SILENCE_TIMEOUT",
    summary: "how long opencode may be silent; a running tool is silent too",
    fallback: "20m",
    read: readDuration,
  },
  {
    name: "limits.total",
    variable: "KUGETSU_TIMEOUT",
    summary: "how long a turn may take in all",
    fallback: "4h",
    read: readDuration,
  },
];

export function settingNamed(name: string): Setting | undefined {
  return SETTINGS.find((setting) => setting.name === name);
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600 };
/** Timers count milliseconds in 31 bits. */
const LONGEST_SECONDS = 24 * 24 * 3600;

/** `90`, `90s`, `5m`, `2h` or `1h30m`, in seconds. */
export function readDuration(value: unknown): number {
  const text = String(value).trim();
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([smh])/g)];
  const whole = parts.map((part) => part[0]).join("") === text && parts.length > 0;
  const seconds = /^\d+(?:\.\d+)?$/.test(text)
    ? Number(text)
    : parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
  if ((!whole && !/^\d+(?:\.\d+)?$/.test(text)) || !Number.isFinite(seconds)) {
    throw new Error("a duration is a number of seconds, or like 90s, 5m, 1h30m");
  }
  if (seconds <= 0) throw new Error("it has to be more than nothing: no turn may hang for ever");
  if (seconds > LONGEST_SECONDS) throw new Error("the longest is 576h (24 days)");
  return seconds;
}

function readPolicy(value: unknown): PermissionPolicy {
  if (value === "deny" || value === "allow" || value === "wait") return value;
  throw new Error("it is deny, allow or wait");
}

function readModel(value: unknown): string {
  if (typeof value === "string" && /^[^\s/-][^\s/]*\/\S+$/.test(value)) return value;
  throw new Error("a model is written provider/model");
}

function readName(value: unknown): string {
  if (typeof value === "string" && /^[^\s-]\S*$/.test(value)) return value;
  throw new Error("an agent is a name without spaces");
}

/** The settings from the resolved text of each, keyed by name. */
export function settingsFrom(valueOf: (setting: Setting) => string | number | undefined): Settings {
  const value = (name: string) => {
    const setting = settingNamed(name)!;
    const given = valueOf(setting);
    return given ?? (setting.fallback === undefined ? undefined : setting.read(setting.fallback));
  };
  return {
    model: value("model") as string | undefined,
    agent: value("agent") as string | undefined,
    permissions: value("permissions") as PermissionPolicy,
    limits: {
      firstEvent: value("limits.firstEvent") as number,
      silence: value("limits.silence") as number,
      total: value("limits.total") as number,
    },
  };
}
