/** What the settings add up to, for a turn, the supervisor, and plugins. Pure. */
import type { Limits, PermissionPolicy } from "../runner/mod.ts";
import type { RunnerKind } from "../session/record.ts";
import type { Budget, Caps } from "../supervisor/mod.ts";
import type { PluginSettings } from "./plugin_settings.ts";
import { type PLACES, type Setting, settingNamed, type SettingRead } from "./setting_list.ts";

/** All settings of a turn, resolved. */
export interface Settings {
  model: string | undefined;
  agent: string | undefined;
  permissions: PermissionPolicy;
  limits: Limits;
  budget: Budget;
  caps: Partial<Caps>;
  runner: RunnerKind;
  worktree: WorktreeSettings;
}

/** What concerns the supervisor itself. */
export interface SupervisorSettings {
  idleSeconds: number;
  /** The limit of an issue's transcript. */
  transcriptBytes: number;
}

/** Where an issue's work is done, and how its worktree is got ready. */
export interface WorktreeSettings {
  mode: typeof PLACES[number];
  copy: readonly string[];
  setup?: string | undefined;
  setupSeconds: number;
}

type ValueOf = (setting: Setting) => SettingRead | undefined;

/** The settings of a turn from the resolved text of each, keyed by name. */
export function settingsFrom(valueOf: ValueOf): Settings {
  const value = valuesFrom(valueOf);
  return {
    model: value("model") as string | undefined,
    agent: value("agent") as string | undefined,
    permissions: value("permissions") as PermissionPolicy,
    limits: {
      firstEvent: value("limits.firstEvent") as number,
      silence: value("limits.silence") as number,
      total: value("limits.total") as number,
      answer: value("limits.answer") as number,
    },
    budget: {
      tokens: value("budget.tokens") as number | undefined,
      cost: value("budget.cost") as number | undefined,
    },
    caps: {
      host: value("queue.maxParallel") as number | undefined,
      repository: value("queue.perRepository") as number | undefined,
    },
    runner: value("runner") as RunnerKind,
    worktree: {
      mode: value("worktree.mode") as WorktreeSettings["mode"],
      copy: value("worktree.copy") as readonly string[] | undefined ?? [],
      setup: value("worktree.setup") as string | undefined,
      setupSeconds: value("worktree.setupTimeout") as number,
    },
  };
}

/** The same for the supervisor. */
export function supervisorSettingsFrom(valueOf: ValueOf): SupervisorSettings {
  const value = valuesFrom(valueOf);
  return {
    idleSeconds: value("supervisor.idle") as number,
    transcriptBytes: value("logs.megabytes") as number * 1024 * 1024,
  };
}

/** In seconds. */
export function clearingAgeFrom(valueOf: ValueOf): number {
  return valuesFrom(valueOf)("gc.age") as number;
}

/** The same for what concerns plugins. */
export function pluginSettingsFrom(
  valueOf: ValueOf,
): Omit<PluginSettings, "order" | "instances"> {
  const value = valuesFrom(valueOf);
  return {
    limitMs: value("limits.plugin") as number * 1000,
    comments: value("issue.comments") as PluginSettings["comments"],
    template: value("issue.template") as string | undefined,
    forgeTokens: value("forgeTokens") as PluginSettings["forgeTokens"],
  };
}

function valuesFrom(valueOf: ValueOf): (name: string) => SettingRead | undefined {
  return (name) => {
    const setting = settingNamed(name)!;
    const given = valueOf(setting);
    return given ?? (setting.fallback === undefined ? undefined : setting.read(setting.fallback));
  };
}
