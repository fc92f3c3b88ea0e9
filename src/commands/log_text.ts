/** A transcript for people, line by line. Pure. */
import type { Answer } from "../runner/mod.ts";
import { inWords } from "../session/outcome.ts";
import { timestamp } from "../session/record.ts";
import type { Line } from "../supervisor/mod.ts";

/** What is known of a turn so far. */
interface Told {
  tokens: number;
  cost: number;
  /** Tools that were shown as running: their end is no news. */
  running: { tool: string; words: string }[];
}

export class LogText {
  /** By the turn's id: what waits behind a turn that is stopped is over before it. */
  readonly #turns = new Map<string, Told>();

  /** Each with the time in front; longer texts go on below it. */
  linesFor(line: Line): string[] {
    const text = this.#textOf(line);
    if (text === undefined) return [];
    const [first, ...rest] = text.replace(/\n+$/, "").replaceAll("\t", "    ").split("\n");
    const time = localTime(line.time).slice(11, 19);
    return [`${time}  ${first}`, ...rest.map((it) => `${" ".repeat(time.length)}  ${it}`)];
  }

  #textOf(line: Line): string | undefined {
    switch (line.kind) {
      case "accepted":
        return `── ${line.turn_kind}, ${localTime(line.time).slice(0, 10)}: ${line.message}`;
      case "begun":
        return `in ${line.directory}`;
      case "session":
        return `session ${line.session}`;
      case "text":
        return line.text;
      case "tool":
        return toolOf(line, this.#turn(line.turn));
      case "usage": {
        const told = this.#turn(line.turn);
        told.tokens += line.tokens;
        told.cost += line.cost;
        return undefined;
      }
      case "step":
        return undefined;
      case "permission":
        return `denied: ${line.permission} (${line.patterns})`;
      case "asks":
        return `asks: ${line.ask.what}`;
      case "answered":
        return answerInWords(line.answer);
      case "trouble":
        return `trouble: ${line.text}`;
      case "notice":
        return `opencode: ${line.text}`;
      case "said":
        return line.level === "debug" ? undefined : `${line.level}: ${line.text}`;
      case "gap":
        return "… lines are missing here";
      case "left":
        return `these processes would not end: ${line.pids.join(" ")}`;
      case "ended": {
        const { tokens, cost } = this.#turn(line.turn);
        this.#turns.delete(line.turn);
        const money = cost > 0 ? `, $${cost.toFixed(2)}` : "";
        const words = line.error?.message ?? `the turn ${inWords(line.outcome)}`;
        return `── ${words}; ${tokens} tokens${money}`;
      }
    }
  }

  #turn(id: string): Told {
    const told = this.#turns.get(id) ?? { tokens: 0, cost: 0, running: [] };
    this.#turns.set(id, told);
    return told;
  }
}

/** A tool that ends may have another title than it began with. */
function toolOf(
  { tool, title, state }: Extract<Line, { kind: "tool" }>,
  { running }: Told,
): string | undefined {
  const words = `> ${title ? `${tool} ${title}` : tool}`;
  if (state === "running") {
    if (running.some((it) => it.words === words)) return undefined;
    running.push({ tool, words });
    return words;
  }
  const known = running.findIndex((it) => it.tool === tool);
  if (known >= 0) running.splice(known, 1);
  if (state === "failed") return `${words}: failed`;
  return known >= 0 ? undefined : words;
}

/** As whoever reads has it, wherever the supervisor was started that wrote it. */
function localTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : timestamp(date);
}

/** Somebody may also have answered in opencode's own interface, which does not say what. */
function answerInWords(answer: Answer | undefined): string {
  switch (answer?.kind) {
    case "allow":
      return answer.always ? "allowed, now and later" : "allowed";
    case "deny":
      return "denied";
    case "text":
      return `answered: ${answer.text}`;
    case undefined:
      return "answered";
  }
}
