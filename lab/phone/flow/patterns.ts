/**
 * The patterns that authors hold people to, matched only where that cannot take long.
 *
 * A regular expression may try every way to read a text, and there may be more ways than anybody lives to see: `(a+)+b`
 * has 2 ** n for n letters. Whoever wrote the document would freeze the phone.
 */

/** In how many ways a pattern may read a text at most; four repeats in a row may read a text of 80 characters. */
const MOST_WAYS = 5e7;

/** Return whether *pattern* matches the whole of a text; one that cannot be read, or might take long, always does. */
export function matches(pattern: string, value: string): boolean {
  const whole = `^(?:${pattern})$`;
  for (const flags of ["u", ""]) {
    try {
      const read = new RegExp(whole, flags);
      return new Ways(whole, value.length).count() > MOST_WAYS || read.test(value);
    } catch {
      // Not every pattern that somebody writes is one in Unicode mode, or one at all.
    }
  }
  return true;
}

/** Counts the ways in which a pattern may read a text of *length* characters, as if any part of it matched any text. */
class Ways {
  private at = 0;

  constructor(
    private readonly pattern: string,
    private readonly length: number,
  ) {}

  count(): number {
    let ways = this.sequence();
    while (this.pattern[this.at] === "|") {
      this.at += 1;
      ways += this.sequence();
    }
    return ways;
  }

  private sequence(): number {
    let ways = 1;
    while (this.at < this.pattern.length && !"|)".includes(this.pattern[this.at]!)) ways *= this.repeated();
    return ways;
  }

  private repeated(): number {
    const ways = this.part();
    const [least, most] = this.times();
    const times = Math.min(most, this.length);
    if (ways === 1) return Math.max(times - least, 0) + 1;
    return (ways + (times > least ? 1 : 0)) ** times;
  }

  /** Read a character, a class or a group; what says of which kind a group is counts as characters in it. */
  private part(): number {
    const first = this.pattern[this.at];
    this.at += first === "\\" ? 2 : 1;
    if (first === "[") {
      while (this.pattern[this.at] !== "]") this.at += this.pattern[this.at] === "\\" ? 2 : 1;
      this.at += 1;
    }
    if (first !== "(") return 1;
    const ways = this.count();
    this.at += 1;
    return ways;
  }

  /** Read how often a part may stand there. */
  private times(): readonly [number, number] {
    const quantifier = /(?:([*+?])|\{([0-9]+)(,?)([0-9]*)\})\??/y;
    quantifier.lastIndex = this.at;
    const [said = "", mark, least, comma, most] = quantifier.exec(this.pattern) ?? [];
    this.at += said.length;
    if (said === "") return [1, 1];
    if (mark !== undefined) return [mark === "+" ? 1 : 0, mark === "?" ? 1 : Infinity];
    if (comma === "") return [Number(least), Number(least)];
    return [Number(least), most === "" ? Infinity : Number(most)];
  }
}
