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
    .description(INSTALL)
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action((shell, options) =>
      host.run("completions", options, (context) => completions(context, shell, program))
    );
}

const INSTALL = `Print a script that completes kugetsu in a shell: commands, options, their
values, and the refs of issues that have a session. Put it where the shell looks
for such scripts, as the examples do, and open a new shell. For zsh that is a
folder of $fpath, named before compinit runs.

Or have it made anew for each shell, by a line in the file that the shell starts
with (~/.bashrc; ~/.zshrc, after compinit; ~/.config/fish/config.fish):

    source <(kugetsu completions bash)
    source <(kugetsu completions zsh)
    kugetsu completions fish | source`;
