/** What doctor finds of the plugins that were added. */
import { attempt, type Line } from "./checks.ts";
import type { Context } from "./context.ts";

/** Each that is left out of everything, with why. Where none was ever added, nothing is loaded. */
export function checkPlugins(context: Context): Promise<Line[]> {
  return attempt("plugins", async () => {
    if (!context.hasPlugins()) return [];
    const shelf = await context.shelf();
    return (await shelf.examine()).map(({ name, problem, next }) => ({
      check: "plugins",
      ok: false,
      text: `the plugin "${name}" is left out: ${problem}`,
      next,
    }));
  });
}
