/** `kugetsu answer`: gives a turn the permission that it wants, or tells it what it asks. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { Answer, Ask } from "../runner/mod.ts";
import type { Context } from "./context.ts";
import { adviceForAsk } from "../session/advice.ts";
import { readStatuses } from "./issue_status.ts";
import { readMessage } from "./message.ts";
import { resolveKey } from "./target.ts";

export interface AnswerOptions {
  allow?: boolean | undefined;
  always?: boolean | undefined;
  deny?: boolean | undefined;
}

export async function answer(
  context: Context,
  typed: string,
  text: string | undefined,
  options: AnswerOptions,
): Promise<ExitStatus> {
  demandOne(text, options);
  const [status] = await readStatuses(context, [await resolveKey(context, typed)]);
  const { issue_ref: key, ask } = status!;
  if (!ask) throw errors.nothingAsked(key);
  demandFits(key, ask, text, options);
  const given = await answerOf(context, text, options);
  const supervisor = await context.supervisor();
  const { kind, what } = await supervisor.answer(key, ask.id, given);
  const { output } = context;
  output.result({ issue_ref: key, asked: { kind, what }, answer: given }, "");
  const said = given.kind === "text" ? "Answered" : given.kind === "allow" ? "Allowed" : "Denied";
  output.note(
    `${said} ${JSON.stringify(what)}. To follow it: kugetsu logs -f ${JSON.stringify(key)}`,
  );
  return EXIT.ok;
}

/** @throws usage */
function demandOne(text: string | undefined, { allow, always, deny }: AnswerOptions): void {
  const count = [text !== undefined, allow, deny].filter(Boolean).length;
  if (count === 0) throw errors.usage("Cannot answer: give --allow, --deny or TEXT");
  if (count > 1) throw errors.usage("Cannot give two answers: --allow, --deny or TEXT");
  if (always && !allow) throw errors.usage("Cannot use --always without --allow");
}

/** @throws wrong-answer */
function demandFits(
  key: string,
  ask: Pick<Ask, "kind" | "what">,
  text: string | undefined,
  { allow }: AnswerOptions,
): void {
  const advice = adviceForAsk(key, ask);
  if (ask.kind === "permission" && text !== undefined) {
    throw errors.wrongAnswer(key, `it wants a permission, ${ask.what}`, advice);
  }
  if (ask.kind === "question" && allow) {
    throw errors.wrongAnswer(key, `it asks a question, ${ask.what}`, advice);
  }
}

async function answerOf(
  context: Context,
  argument: string | undefined,
  { allow, always }: AnswerOptions,
): Promise<Answer> {
  if (allow) return { kind: "allow", always: always === true };
  const text = await readMessage(context, { argument, file: undefined });
  return text === undefined ? { kind: "deny" } : { kind: "text", text };
}

export function answerCommand(host: Host) {
  return newCommand("answer", "answer a turn that wants a permission or asks a question", [
    "kugetsu answer github.com/shoko/kugetsu#14 --allow",
    "kugetsu answer 14 --deny",
    'kugetsu answer 14 "the second one"',
  ])
    .argument("<ref>", "the issue")
    .argument("[text]", "what to say to a question (- for standard input)")
    .option("--allow", "give the permission, this once")
    .option("--always", "with --allow: for the same thing later in the session too")
    .option("--deny", "do not give the permission, or leave the question open")
    .action((ref, text, options) =>
      host.run("answer", options, (context) => answer(context, ref, text, options))
    );
}
