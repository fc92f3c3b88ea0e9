/** `kugetsu completions`: a script that teaches a shell to complete kugetsu's command line. */
import { Argument } from "@commander-js/extra-typings";
import { EXIT, type ExitStatus } from "../errors.ts";
import { bashScript } from "./completions/bash.ts";
import { fishScript } from "./completions/fish.ts";
import { type AnyDefinition, placesOf } from "./completions/places.ts";
import { zshScript } from "./completions/zsh.ts";
import type { Context } from "./context.ts";
import { type Host, newCommand } from "./define.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

export type Shell = keyof typeof SCRIPTS;

export const SHELLS = Object.keys(SCRIPTS) as Shell[];

/** `program` holds the definitions of all commands: what they say is what is completed. */
export async function completions(
  context: Context,
  shell: Shell,
  program: () => Promise<AnyDefinition>,
): Promise<ExitStatus> {
  const script = SCRIPTS[shell](placesOf(await program()));
  context.output.result({ shell, script }, script);
  return EXIT.ok;
}

export function completionsCommand(host: Host, program: () => Promise<AnyDefinition>) {
  return newCommand("completions", "print a script that completes kugetsu in a shell", [
    "kugetsu completions bash > ~/.local/share/bash-completion/completions/kugetsu",
    'kugetsu completions zsh > "${fpath[1]}/_kugetsu"',
    "kugetsu completions fish > ~/.config/fish/completions/kugetsu.fish",
  ])
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText("after", INSTALL)
    .action((shell, options) =>
      host.run("completions", options, (context) => completions(context, shell, program))
    );
}

const INSTALL = `
Put the script where the shell looks for such scripts, as above, and open a new
shell. For zsh that is a folder in $fpath, named before compinit runs. Or have it
made anew for each shell, with a line in its start-up file:

  ~/.bashrc                    source <(kugetsu completions bash)
  ~/.zshrc, after compinit     source <(kugetsu completions zsh)
  ~/.config/fish/config.fish   kugetsu completions fish | source

It completes commands, options, their values, and the refs of issues that have a
session. What it completes is never executed.`;
