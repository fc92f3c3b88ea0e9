import { test } from "node:test";
import assert from "node:assert/strict";
import { readMessage } from "../../src/commands/message.ts";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import { makeStage } from "../support/fakes.ts";

/** Reads a message where standard input and the file hold these. */
function read(
  argument: string | undefined,
  file: string | undefined,
  { input, content }: { input?: string; content?: string } = {},
) {
  const { context } = makeStage(() => ({
    context: {
      ...(input === undefined ? {} : { readInput: () => Promise.resolve(input) }),
      ...(content === undefined ? {} : { readFile: (path) => Promise.resolve(path + content) }),
    },
  }));
  return readMessage(context, { argument, file });
}

function usage(code: string, message: RegExp) {
  return (error: unknown) => {
    assert(error instanceof KugetsuError, String(error));
    assert.deepEqual([error.code, error.exit], [code, EXIT.usage]);
    assert.match(error.message, message);
    return true;
  };
}

test("a message is the argument, standard input or a file, as it is", async () => {
  const odd = "  -x 'q' \"d\" $HOME\n\0日本 ";
  assert.equal(await read(odd, undefined), odd);
  assert.equal(await read("-", undefined, { input: odd }), odd);
  assert.equal(await read(undefined, "-", { input: odd }), odd);
  assert.equal(await read(undefined, "task.md", { content: odd }), `task.md${odd}`);
  assert.equal(await read("--", undefined), "--");
  assert.equal(await read(undefined, undefined), undefined);
});

test("an argument that was no text is refused; one that holds what stands for it is not", async () => {
  const readIn = (isText: boolean) => {
    const argumentsAreText = () => Promise.resolve(isText);
    const { context } = makeStage(() => ({ context: { argumentsAreText } }));
    return readMessage(context, { argument: "caf\ufffd", file: undefined });
  };
  assert.equal(await readIn(true), "caf\ufffd");
  await assert.rejects(readIn(false), usage("no-text", /send the message: it is not text/));
});

test("two messages at once are refused, and neither is read", async () => {
  const calls: [string, string][] = [["fix it", "task.md"], ["-", "task.md"], ["fix it", "-"], [
    "-",
    "-",
  ]];
  for (const [argument, file] of calls) {
    await assert.rejects(read(argument, file), usage("usage", /message twice/));
  }
});

test("an empty message is refused, with where it came from", async () => {
  await assert.rejects(read("", undefined), usage("empty-message", /send the message: it is/));
  await assert.rejects(
    read("-", undefined, { input: "\n" }),
    usage("empty-message", /send standard input: it is empty/),
  );
  await assert.rejects(
    read(undefined, "-", { input: "" }),
    usage("empty-message", /send standard input: it is empty/),
  );
  const { context } = makeStage(() => ({ context: { readFile: () => Promise.resolve(" \t\n") } }));
  await assert.rejects(
    readMessage(context, { argument: undefined, file: "task.md" }),
    usage("empty-message", /send "task\.md": it is empty/),
  );
});
