/** What a command may say, and to whom: results on standard output, everything else on standard error. */

export interface Output {
  /** Results are one JSON value, and errors JSON too. */
  readonly json: boolean;
  /** Whether somebody sits at both ends, so that one can ask. */
  readonly interactive: boolean;
  /** Whether text on standard output is to be coloured. */
  readonly colour: boolean;
  /** Whether whoever read standard output is gone: what is written there is lost. */
  readonly isClosed: boolean;
  /** Text for standard output, as it is. */
  write(text: string): void;
  /** The command's result: `value` under --json, otherwise `text` (nothing if it is empty). */
  result(value: unknown, text: string): void;
  /** Whether `debug` is shown to anybody. */
  readonly debugs: boolean;
  /** Something good to know; left out under --quiet. */
  note(text: string): void;
  /** Something that needs attention but did not stop the command. */
  warn(text: string): void;
  /** What kugetsu does, under --debug. Never a prompt or a token. */
  debug(text: string): void;
  /** A y/N question; no by default. Only when interactive. @throws stopped at Ctrl-C */
  confirm(question: string): Promise<boolean>;
  /** What is being done, and for how long, on a terminal; nothing elsewhere. */
  progress(): Progress;
  /** A part of the terminal that is written anew each time; undefined where standard output is none. */
  screen(): Screen | undefined;
  /** Text in which nothing can move the cursor or hide, for people. */
  visible(text: string): string;
  /** A table in the width of the terminal, or in full where there is none. */
  table(header: string[], rows: string[][]): Promise<string>;
}

export interface Progress {
  show(what: string): void;
  /** Takes the line away while something else is written. */
  around(write: () => void): void;
  stop(): void;
}

export interface Screen {
  /** As many of the lines as there is room for, each cut to the width. */
  show(lines: string[]): Promise<void>;
}
