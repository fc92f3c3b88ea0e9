/** What a command may say, and to whom: results on standard output, everything else on standard error. */

export interface Output {
  /** Results are one JSON value, and errors JSON too. */
  readonly json: boolean;
  /** Whether somebody sits at both ends, so that one can ask. */
  readonly interactive: boolean;
  /** Whether text on standard output is to be coloured. */
  readonly colour: boolean;
  /** Text for standard output, as it is. */
  write(text: string): void;
  /** Whether what is written to standard output still gets somewhere. */
  readonly reaches: boolean;
  /** The command's result: `value` under --json, otherwise `text` (nothing if it is empty). */
  result(value: unknown, text: string): void;
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
  /** A table in the width of the terminal, or in full where there is none. */
  table(header: string[], rows: string[][]): Promise<string>;
}

export interface Progress {
  show(what: string): void;
  /** Takes the line away while something else is written. */
  around(write: () => void): void;
  stop(): void;
}
