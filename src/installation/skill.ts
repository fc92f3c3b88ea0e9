/** The agent skill, SKILL.md, which is part of the executable, and the folders in which agents look for skills. */
import { copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import content from "../../skills/kugetsu/SKILL.md" with { type: "text" };
import { errors } from "../errors.ts";
import { writeDurably } from "../platform/durable_write.ts";
import { readIfThere } from "../platform/read_if_there.ts";
import type { SkillPlace, WrittenSkill } from "./mod.ts";

type Environment = Record<string, string | undefined>;

/** What is there and says something else is kept beside it: somebody may have written in it. */
export function writeSkill(
  place: SkillPlace | { folder: string },
  env: Environment,
  home: string,
): WrittenSkill {
  const folder = typeof place === "string" ? folderOf(place, env, home) : place.folder;
  const path = join(folder, "kugetsu", "SKILL.md");
  const before = readIfThere(path);
  if (before === content) return { path, changed: false };
  try {
    mkdirSync(dirname(path), { recursive: true });
    const kept = before === undefined ? undefined : keptName(path, before);
    if (kept) copyFileSync(path, kept);
    writeDurably(before === undefined ? path : realpathSync(path), content);
    return { path, changed: true, kept };
  } catch (cause) {
    throw errors.unwritable(path, cause);
  }
}

/** A name beside it under which nothing else is kept: one that is there may hold the only copy of something. */
function keptName(path: string, before: string): string {
  for (let count = 1;; count++) {
    const name = count === 1 ? `${path}.previous` : `${path}.previous.${count}`;
    const there = readIfThere(name);
    if (there === undefined || there === before) return name;
  }
}

function folderOf(place: SkillPlace, env: Environment, home: string): string {
  const config = env["XDG_CONFIG_HOME"] || join(home, ".config");
  const folders = {
    opencode: join(config, "opencode"),
    claude: env["CLAUDE_CONFIG_DIR"] || join(home, ".claude"),
    agents: join(home, ".agents"),
  };
  return join(folders[place], "skills");
}
