/** Reading JSON with comments: what is wrong with it in words, and where. */
import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { errors } from "../errors.ts";

/** @throws bad-config */
export function parseObject(path: string, text: string): Node {
  const problems: ParseError[] = [];
  const root = parseTree(text, problems, { allowTrailingComma: true });
  if (text.trim() === "") throw errors.badConfig(path, "it is empty; write at least {}");
  const [problem] = problems;
  if (problem) {
    const what = MISTAKES[printParseErrorCode(problem.error)] ?? "this is no JSON";
    throw errors.badConfig(path, `${placeIn(text, problem.offset)}: ${what}`);
  }
  if (root?.type !== "object") throw errors.badConfig(path, "it is not an object");
  return root;
}

/** The parser's words, by which a person would know what to correct. */
const MISTAKES: Record<string, string> = {
  PropertyNameExpected: 'a name in double quotes is missing, as in "model"',
  ValueExpected: "a value is missing",
  ColonExpected: "a colon is missing behind the name",
  CommaExpected: "a comma is missing before this",
  CloseBraceExpected: "a closing } is missing",
  CloseBracketExpected: "a closing ] is missing",
  EndOfFileExpected: "there is something behind the end",
  UnexpectedEndOfComment: "a comment is not closed with */",
  UnexpectedEndOfString: "a text is not closed with a double quote",
  InvalidSymbol: "names and texts are written in double quotes",
  InvalidNumberFormat: "this is no number",
  InvalidEscapeCharacter: "this is no escape sequence; a backslash is written \\\\",
  InvalidCharacter: "a text holds a character that has to be escaped",
};

function placeIn(text: string, offset: number): string {
  return `line ${lineAt(text, offset)}, column ${offset - text.lastIndexOf("\n", offset - 1)}`;
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
