/** The driver of a plugin that is compiled in. It is as trusted as the rest of kugetsu, and gets no more than others. */
import type { KeyValues, Log, Plugin } from "../api/mod.ts";
import type { Driver } from "./driver.ts";
import { hello, PluginFailure, read } from "./protocol.ts";
import { answer, helloOf } from "./serve.ts";

export interface InProcessOptions {
  env: Record<string, string | undefined>;
  log: Log;
  store: KeyValues;
}

export function inProcess(plugin: Plugin, means: InProcessOptions): Driver {
  return {
    hello: () => Promise.resolve(read(hello, helloOf(plugin), "what it declares")),
    async ask(question) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        const fail = () => reject(new PluginFailure(tookTooLong(question.limitMs)));
        timer = setTimeout(fail, question.limitMs);
      });
      try {
        return await Promise.race([answer(plugin, question, means), late]);
      } catch (error) {
        if (error instanceof PluginFailure) throw error;
        const { message, kind } = error as { message: string; kind?: string };
        throw new PluginFailure(message, kind);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => Promise.resolve(),
  };
}

export function tookTooLong(limitMs: number): string {
  return `it took longer than ${limitMs / 1000} s`;
}
