/** What three plugins with hooks add to a start, in starts of a minimal compiled program. */
import { EXECUTABLE } from "../scripts/_checkout.ts";
import { trustPlugin } from "../tests/support/plugins.ts";
import { makeScratch } from "../tests/support/scratch.ts";
import { makeStateFolder, type StateFolder } from "../tests/support/state_folder.ts";
import { type Command, inPairs, report } from "./measure.ts";
import { compileMinimal } from "./startup.ts";

const HOOKS = { "pre-start": {}, "post-start": {}, outcome: {} };

/** In TypeScript, with hooks before and after the turn. */
const pluginOf = (name: string) => `
const plugin = {
  name: "${name}",
  apiVersion: 1,
  hooks: {
    "pre-start": ({ message }: { message: string }) => ({ message: message + "." }),
    "post-start": () => {},
    outcome: () => {},
  },
};
export default plugin;
`;

export async function benchPlugins(runs: number): Promise<void> {
  await using scratch = await makeScratch("bench");
  const minimal = compileMinimal(scratch.path);
  await using without = await makeStateFolder();
  await using with3 = await makeStateFolder();
  for (const name of ["one", "two", "three"]) {
    await trustPlugin(with3.state, `${name}.ts`, pluginOf(name), { name, hooks: HOOKS });
  }
  const added = await inPairs(runs, startIn(with3), startIn(without));
  const program = () => ({ file: minimal, args: [] });
  const floor = await inPairs(runs, program, program);
  const ratio = added.difference / floor.a;
  const times = `+${added.difference.toFixed(1)} ms, minimal program ${floor.a.toFixed(1)} ms`;
  report("three hook plugins", `${ratio.toFixed(2)} x`, "<= 6 x", times);
}

function startIn({ env, scratch }: StateFolder): () => Command {
  let number = 0;
  return () => ({
    file: EXECUTABLE,
    args: ["start", `github.com/shoko/kugetsu#${++number}`, "-"],
    input: "Say something.",
    env,
    cwd: scratch.path,
  });
}
