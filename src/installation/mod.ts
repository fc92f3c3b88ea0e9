/** The port for kugetsu's own executable: what a command may ask of its installation. */

export interface UpgradeOptions {
  /** The newest one without it. */
  version?: string | undefined;
  baseUrl?: string | undefined;
  rollback?: boolean | undefined;
}

/** The installed version before and after. */
export interface Change {
  before: string;
  after: string;
}

/** Where agents look for skills. */
export const SKILL_PLACES = ["opencode", "claude", "agents"] as const;

export type SkillPlace = (typeof SKILL_PLACES)[number];

export interface WrittenSkill {
  path: string;
  changed: boolean;
  /** Where the file is kept that was there before and said something else. */
  kept?: string | undefined;
}

export type ServiceFound = "none" | "ours" | "foreign";

export interface InstalledService {
  changed: boolean;
  /** Why the user's systemd could not be told; the unit is written then, and no more. */
  unreached?: string | undefined;
  /** Whether it runs while the user is not logged in; undefined where nobody could say. */
  lingers: boolean | undefined;
}

/** What keeps a supervisor running: a unit of the user's systemd. */
export interface Service {
  /** The unit's file. */
  readonly path: string;
  readonly user: string;
  /** Whose unit is there. @throws unreadable */
  found(): ServiceFound;
  /** Writes the unit, and starts it with each login from now on. @throws no-systemd, service-failed, unwritable */
  install(): Promise<InstalledService>;
  /** Ends it and deletes the unit. Returns why the user's systemd could not be told, if so. @throws unwritable */
  uninstall(): Promise<string | undefined>;
}

export interface Installation {
  /** The version of this executable. */
  readonly version: string;
  /** The executable that would be replaced. @throws not-installed for a run from source */
  readonly executable: string;
  /** The newest version that there is. @throws install-failed */
  newest(baseUrl: string | undefined): Promise<string>;
  /** Puts another version in the place of this one. @throws install-failed */
  upgrade(options: UpgradeOptions): Promise<Change>;
  /** Takes away everything but the state, and that too if `purge` is given. @throws install-failed */
  uninstall(options: { purge: boolean }): Promise<void>;
  /** Writes SKILL.md into a folder of skills, or into that of an agent. */
  writeSkill(place: SkillPlace | { folder: string }): Promise<WrittenSkill>;
}
