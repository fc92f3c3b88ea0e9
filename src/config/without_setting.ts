/**
 * Taking a setting out of the file's text. A comment on its own line goes with it; every other one stays, since
 * nobody can tell whether what stands above a setting is about it alone. Pure.
 */
import type { Node } from "jsonc-parser";

interface Cut {
  from: number;
  to: number;
}

/** `property` is the key with its value, as the parser found it. */
export function withoutSetting(text: string, property: Node): string {
  const end = endOf(property);
  const siblings = property.parent!.children!;
  const before = siblings[siblings.indexOf(property) - 1];
  const after = commaFrom(text, end);
  const isBeside = after !== undefined && !text.slice(end, after).includes("\n");
  const cut = withItsLine(text, { from: property.offset, to: isBeside ? after + 1 : end });
  // The last one has none behind it, and the one before it would be left with a comma.
  const comma = after ?? (before && commaFrom(text, endOf(before)));
  const cuts = comma === undefined || isBeside ? [cut] : [cut, { from: comma, to: comma + 1 }];
  cuts.sort((a, b) => b.from - a.from);
  return cuts.reduce((left, { from, to }) => left.slice(0, from) + left.slice(to), text);
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}

/** The next comma, if nothing but space and comments comes before it. */
function commaFrom(text: string, offset: number): number | undefined {
  const gap = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)*/y;
  gap.lastIndex = offset;
  gap.exec(text);
  return text[gap.lastIndex] === "," ? gap.lastIndex : undefined;
}

/** The cut with the space and the comment behind it, and with the whole line if nothing else stands there. */
function withItsLine(text: string, { from, to }: Cut): Cut {
  const rest = /[ \t]*(?:\/\/[^\n]*|\/\*(?:(?!\*\/)[^\n])*\*\/[ \t]*)?(?:\r?\n|$)/y;
  rest.lastIndex = to;
  const found = rest.exec(text)?.[0];
  const start = from - /[ \t]*$/.exec(text.slice(0, from))![0].length;
  if (found === undefined) return { from, to: to + /^[ \t]*/.exec(text.slice(to))![0].length };
  const isWholeLine = text[start - 1] === "\n";
  return { from: start, to: to + (isWholeLine ? found : found.trimEnd()).length };
}
