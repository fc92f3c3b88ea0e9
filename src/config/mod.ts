/** The configuration port: what the user set, wherever they set it. */
import type { Instance, PluginSettings } from "./plugin_settings.ts";
import type { Setting } from "./setting_list.ts";
import type { Settings, SupervisorSettings } from "./settings.ts";

export { POLICIES, RUNNERS, SCHEMA_ADDRESS, settingNamed, SETTINGS } from "./setting_list.ts";
export type { Setting } from "./setting_list.ts";
export type { Settings, SupervisorSettings, WorktreeSettings } from "./settings.ts";
export { readDuration } from "./setting_values.ts";
export { STRUCTURES } from "./plugin_settings.ts";
export type { Instance, PluginSettings };

/** Where a setting's value comes from. */
export type Origin = "default" | "file" | "environment" | "flag";

export interface SettingValue {
  setting: Setting;
  /** As the user wrote it; undefined where opencode decides. */
  value: string | undefined;
  origin: Origin;
}

export interface Config {
  /** The file, whether it exists or not. */
  readonly path: string;
  /** The settings with these flags on top, keyed by setting name. @throws bad-config, bad-setting */
  settings(flags: Record<string, string | undefined>): Settings;
  /** @throws unknown-setting */
  get(name: string): SettingValue;
  /** What concerns plugins and forges. @throws bad-config, bad-setting */
  plugins(): PluginSettings;
  /** What concerns the supervisor. @throws bad-config, bad-setting */
  supervisor(): SupervisorSettings;
  /** How old traces have to be before gc clears them, in seconds. @throws bad-config, bad-setting */
  clearingAge(): number;
  /** Every setting with its origin. */
  list(): SettingValue[];
  /**
   * Changes the file and leaves the rest of it, comments too, as it is; undefined takes a setting out. False if
   * there was none to take out. @throws unknown-setting
   */
  set(name: string, value: string | undefined): boolean;
}
