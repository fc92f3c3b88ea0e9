/** Text as one literal word of a shell. */

/** For bash, zsh and other shells in the Bourne tradition. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function quoteForFish(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
