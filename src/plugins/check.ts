/** `kugetsu plugin check`: a plugin is loaded, and does what its examples say; each step with its time. */
import { isDeepStrictEqual } from "node:util";
import * as v from "valibot";
import type { ForgeExample, Outcome } from "../api/mod.ts";
import { formatRef } from "../session/ref.ts";
import { tryForge } from "./check_forge.ts";
import type { Driver } from "./driver.ts";
import { issueRef } from "./forges.ts";
import { readReport } from "./hooks.ts";
import type { Checked } from "./mod.ts";
import type { Hello } from "./protocol.ts";

type ExampleMessage = Hello["examples"][number];

export async function checkPlugin(open: () => Driver, limitMs: number): Promise<Checked[]> {
  const checked: Checked[] = [];
  let driver: Driver | undefined;
  const loading = await timed("it loads and says what it is", async () => {
    driver = open();
    await driver.hello();
  });
  checked.push(loading);
  try {
    if (loading.problem !== undefined || !driver) return checked;
    const said = await driver.hello();
    for (const example of said.examples) {
      checked.push(
        await timed(titleOf(example), () => tryExample(driver!, said, example, limitMs)),
      );
    }
    return checked;
  } finally {
    await driver?.close();
  }
}

async function timed(what: string, work: () => Promise<void>): Promise<Checked> {
  const began = performance.now();
  let problem: string | undefined;
  try {
    await work();
  } catch (error) {
    problem = (error as Error).message;
  }
  return { what, ms: Math.round(performance.now() - began), problem };
}

function titleOf({ parse, hook, issue, comment }: ExampleMessage): string {
  if (issue !== undefined) return `it reads the issue ${issue}`;
  if (comment !== undefined) return `it comments on ${comment}`;
  return hook === undefined ? `it reads ${JSON.stringify(parse)}` : `its ${hook} does as it says`;
}

async function tryExample(driver: Driver, said: Hello, example: ExampleMessage, limitMs: number) {
  if (typeof example.hook === "string") return await tryHook(driver, said, example, limitMs);
  if (typeof example.parse === "string") return await tryParse(driver, said, example, limitMs);
  if (typeof (example.issue ?? example.comment) === "string") {
    const { replies = {}, gives = {}, fails, ...rest } = example as unknown as ForgeExample;
    const wanted = fails === undefined ? gives : { fails };
    const found = await tryForge(
      driver,
      said,
      { ...rest, replies, fails } as ForgeExample,
      limitMs,
    );
    return demandEqual(part(found as object, wanted), wanted);
  }
  throw new Error("an example has one of hook, parse, issue and comment");
}

/** Of what was given, the fields that are wanted. */
function part(found: object, wanted: object): object {
  return Object.fromEntries(Object.entries(found).filter(([name]) => name in wanted));
}

async function tryParse(driver: Driver, said: Hello, example: ExampleMessage, limitMs: number) {
  const host = URL.parse(example.parse as string)?.host ?? "";
  const about = { host, base: `https://${host}`, configured: false, text: example.parse };
  let found: string | null = null;
  for (const { name } of said.forges) {
    const params = { ...about, forge: name };
    const answer = v.safeParse(issueRef, await driver.ask({ method: "parse", params, limitMs }));
    if (answer.success) found ??= formatRef(answer.output);
  }
  demandEqual(found, example.gives ?? null);
}

async function tryHook(driver: Driver, said: Hello, example: ExampleMessage, limitMs: number) {
  const { hook, given = {}, gives } = example as { hook: string; given?: object; gives?: unknown };
  const outcome: Outcome = { kind: "done", text: "ok" };
  const context = {
    ref: { host: "git.example.org", project: ["group", "widget"], number: "1" },
    record: null,
    message: "go",
    outcome,
    ...given,
  };
  const answer = await driver.ask({ method: "hook", params: { hook, context }, limitMs });
  readReport(answer, said.comments);
  demandEqual(answer ?? null, gives ?? null);
}

function demandEqual(found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return;
  throw new Error(`it gives ${JSON.stringify(found)} and not ${JSON.stringify(wanted)}`);
}
