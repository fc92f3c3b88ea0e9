/** `kugetsu skill`: the text that tells agents how to use kugetsu. */
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import { SKILL_PLACES, type SkillPlace } from "../installation/mod.ts";
import type { Context } from "./context.ts";
import { type Host, newCommand, newGroup } from "./define.ts";

export type SkillOptions =
  & { [place in SkillPlace]?: boolean | undefined }
  & { dir?: string | undefined };

/** opencode's folder if none is named. */
export async function skillInstall(context: Context, options: SkillOptions): Promise<ExitStatus> {
  const { output } = context;
  if (options.dir === "") throw errors.usage("--dir needs a value", "kugetsu skill install --help");
  const installation = await context.installation();
  const places: (SkillPlace | { folder: string })[] = SKILL_PLACES.filter((it) => options[it]);
  if (options.dir !== undefined) places.push({ folder: context.pathOf(options.dir) });
  if (places.length === 0) places.push("opencode");
  const written = [];
  for (const place of places) {
    const skill = await installation.writeSkill(place);
    output.note(skill.changed ? `Wrote ${skill.path}` : `${skill.path} is up to date.`);
    if (skill.kept) output.note(`Kept what was there as ${skill.kept}`);
    written.push({ path: skill.path, changed: skill.changed, kept: skill.kept ?? null });
  }
  output.result({ written }, "");
  return EXIT.ok;
}

export function skillCommand(host: Host) {
  const skill = newGroup("skill", "write the skill that tells agents how to use kugetsu", [
    "kugetsu skill install",
    "kugetsu skill install --claude --agents",
  ]);
  skill.addCommand(
    newCommand("install", "write SKILL.md where agents look for it", [
      "kugetsu skill install",
      "kugetsu skill install --dir .opencode/skills    # for one repository",
    ])
      .option("--opencode", "for opencode: ~/.config/opencode/skills (default)")
      .option("--claude", "for Claude Code: ~/.claude/skills")
      .option("--agents", "for all that read ~/.agents/skills")
      .option("--dir <folder>", "into this folder of skills")
      .action((options) => host.run("skill", options, (it) => skillInstall(it, options))),
  );
  return skill;
}
