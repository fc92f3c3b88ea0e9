/** Shows a turn as it goes: the answer on standard output, what the agent does on the terminal. */
import type { PermissionPolicy } from "../runner/mod.ts";
import type { Line } from "../supervisor/mod.ts";
import type { Context } from "./context.ts";

export class TurnView {
  readonly #context: Context;
  readonly #permissions: PermissionPolicy;
  readonly #progress;

  constructor(context: Context, permissions: PermissionPolicy) {
    this.#context = context;
    this.#permissions = permissions;
    this.#progress = context.output.progress();
  }

  waiting(ahead: number): void {
    const turns = ahead === 1 ? "a turn is" : `${ahead} turns are`;
    this.#progress.show(ahead > 0 ? `waiting: ${turns} before it` : "waiting for opencode");
  }

  line(key: string, line: Line): void {
    const { output } = this.#context;
    output.debug(`line ${line.seq}: ${line.kind}${line.kind === "tool" ? ` ${line.tool}` : ""}`);
    switch (line.kind) {
      case "begun":
        return this.#progress.show("waiting for opencode");
      case "session":
        return output.debug(`session ${line.session}`);
      case "text":
        if (!output.json) this.#progress.around(() => output.write(`${line.text}\n`));
        return this.#progress.show("thinking");
      case "tool":
        return this.#progress.show(
          `${line.state === "failed" ? "failed: " : ""}${line.tool} ${line.title}`,
        );
      case "permission":
        // Under wait it ends the turn, and the error says what it was.
        if (this.#permissions === "wait") return;
        return this.#note(
          `opencode wanted a permission and was denied: ${line.permission} (${line.patterns})`,
        );
      case "asks": {
        const { kind, what } = line.ask;
        const answer = kind === "permission" ? "--allow or --deny" : "with your words";
        this.#progress.show(`waiting for an answer: ${what}`);
        return this.#note(
          `${key} waits for an answer: ${what}; give it ${answer}: kugetsu answer ${
            JSON.stringify(key)
          }`,
        );
      }
      case "answered":
        return this.#progress.show("answered");
      case "trouble":
        return this.#progress.show(`trying again after: ${line.text}`);
      case "notice":
        return this.#progress.around(() => output.debug(`opencode: ${line.text}`));
      case "said":
        return this.#progress.around(() => {
          if (line.level === "debug") output.debug(line.text);
          else if (line.level === "note") output.note(line.text);
          else output.warn(line.text);
        });
      case "left":
        return this.#progress.around(() =>
          output.warn(`these processes would not end: ${line.pids.join(" ")}`)
        );
      case "accepted":
      case "ended":
      case "gap":
      case "step":
      case "usage":
        return;
    }
  }

  stop(): void {
    this.#progress.stop();
  }

  #note(text: string): void {
    this.#progress.around(() => this.#context.output.note(text));
  }
}
