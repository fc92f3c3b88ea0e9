/** What the rest sees of a plugin that runs, wherever it runs. */
import type { Hello, Question } from "./protocol.ts";

export interface Driver {
  /** What it says of itself; starts it if need be. @throws PluginFailure */
  hello(): Promise<Hello>;
  /** Its answer, not validated. @throws PluginFailure */
  ask(question: Question): Promise<unknown>;
  close(): Promise<void>;
}
