/**
 * The expressions of Flow JSON: read and evaluated.
 *
 *     binding    one reference:       ${data.name}, ${form.name}, ${screen.ID.data.name}, ${screen.ID.form.name}
 *     nested     in backticks:        `'Hello ' ${form.name}`, `${form.age} >= 18`
 *     condition  of an If, without:   ${form.city} == 'London' || ${data.is_abroad}
 *
 * Source: Meta, "Flow JSON", nested expressions; "Components", If.
 *
 * Rule 1: operators bind as in most languages; joining texts comes last, as in Meta's example that divides behind one.
 * Rule 2: a value that is no well-formed expression is the text that stands there; no phone tells anybody.
 * Rule 3: nothing is ever executed: there is no eval.
 */

import { isRecord, isSame } from "./values.ts";

const MAX_NESTING = 32;
const MAX_OPERATORS = 250;
/** How many texts of each kind are remembered; a document has fewer, what is dropped is read again. */
const MOST_REMEMBERED = 5000;

/** A value of a screen by its name; *screen* is empty for the screen that the reference stands on. */
export interface Reference {
  readonly kind: "reference";
  readonly screen: string;
  readonly scope: "data" | "form";
  readonly path: readonly string[];
}

export type Node =
  | Reference
  | { readonly kind: "constant"; readonly value: string | number | boolean }
  | { readonly kind: "operation"; readonly operator: string; readonly operands: readonly Node[] }
  | { readonly kind: "join"; readonly members: readonly Node[] };

/** A value is no expression of the form asked for. */
class ExpressionError extends Error {}

const TOKEN = new RegExp(
  [
    String.raw`(?<reference>\$\{[^{}]*\}?)`,
    String.raw`(?<text>'(?:[^'\\]|\\.)*')`,
    String.raw`(?<number>[0-9][\p{L}\p{N}_.]*)`,
    String.raw`(?<word>[\p{L}\p{N}_]+)`,
    String.raw`(?<bracket>[()])`,
    String.raw`(?<operator>!?[=<>&|]+|[!+\-*/%])`,
    String.raw`(?<stray>\S)`,
  ].join("|"),
  "gsu",
);
const NAME = "[^\\s.{}\\[\\]()'\"`$=<>!&|+*/%,;\\\\]+";
const NAMES = `${NAME}(?:[ ]+${NAME})*`;
const REFERENCE = new RegExp(String.raw`^\$\{(?:screen\.(${NAMES})\.)?(data|form)((?:\.${NAMES})+)\}$`, "u");
const NUMBER = /^(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?$/;

// The operators between two operands, and how strongly they bind. Conditions without backticks have no arithmetic.
const LOGIC: Record<string, number> = { "||": 1, "&&": 2 };
const EQUALITY: Record<string, number> = { "==": 3, "!=": 3 };
const ORDER: Record<string, number> = { "<": 4, "<=": 4, ">": 4, ">=": 4 };
const ARITHMETIC: Record<string, number> = { "+": 5, "-": 5, "*": 6, "/": 6, "%": 6 };
const OUTSIDE_BACKTICKS: Record<string, number> = { ...LOGIC, ...EQUALITY, ...ORDER };
const IN_BACKTICKS: Record<string, number> = { ...OUTSIDE_BACKTICKS, ...ARITHMETIC };

/** Return what a property is as an expression, undefined if it is a plain text. */
export function expressionIn(value: string): Node | undefined {
  if (!/^[$`]/.test(value)) return undefined; // pictures are texts, too: they are not worth remembering
  return remembered(properties, value, (text) => {
    if (text.startsWith("${") && text.endsWith("}")) return reference(text);
    return isNested(text) ? parseNested(text) : undefined;
  });
}

/** Return a condition in backticks or without, undefined if it is not well formed. */
export function conditionIn(value: string): Node | undefined {
  return remembered(conditions, value, (text) => {
    return isNested(text) ? parseNested(text) : new Parser(text, false).whole();
  });
}

/**
 * Return the value of an expression, whatever it refers to; undefined stands for a value that is missing.
 *
 * A missing value is the empty one of the kind wanted (an empty text, zero, false), and so is one of another kind. To
 * divide by zero or by what is missing gives zero (Meta), and so does what would be no finite number.
 */
export function evaluate(node: Node, valueOf: (reference: Reference) => unknown): unknown {
  switch (node.kind) {
    case "reference":
      return valueOf(node);
    case "constant":
      return node.value;
    case "join":
      return node.members.map((member) => shown(evaluate(member, valueOf))).join("");
    case "operation":
      return applied(
        node.operator,
        node.operands.map((operand) => evaluate(operand, valueOf)),
      );
  }
}

/** Return what *value* is as a text; nothing if it is missing, or a list or an object. */
export function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  return typeof value === "number" ? String(finite(value)) : "";
}

// Reading

type Known = Map<string, Node | undefined>;

const properties: Known = new Map();
const conditions: Known = new Map();

/** Return what *parse* makes of *value*, undefined if that is not well formed; it is read once. */
function remembered(known: Known, value: string, parse: (value: string) => Node | undefined): Node | undefined {
  if (!known.has(value)) {
    if (known.size >= MOST_REMEMBERED) known.clear();
    try {
      known.set(value, parse(value));
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      known.set(value, undefined);
    }
  }
  return known.get(value);
}

function isNested(value: string): boolean {
  return value.length > 1 && value.startsWith("`") && value.endsWith("`");
}

function parseNested(value: string): Node {
  return new Parser(value.slice(1, -1), true).whole();
}

function reference(text: string): Reference {
  const [, screen, scope, path] = REFERENCE.exec(text) ?? [];
  if (path === undefined) throw new ExpressionError("this is not one reference");
  const names = path.slice(1).split(".");
  return { kind: "reference", screen: screen ?? "", scope: scope === "form" ? "form" : "data", path: names };
}

interface Token {
  readonly kind: "operand" | "operator" | "(" | ")" | "end";
  readonly text: string;
  readonly node?: Node;
}

const END: Token = { kind: "end", text: "" };

function token(match: RegExpExecArray, inBackticks: boolean): Token {
  const groups = match.groups ?? {};
  const text = match[0];
  if (groups.reference) return { kind: "operand", text, node: reference(text) };
  const constant = (value: string | number | boolean): Token => {
    return { kind: "operand", text, node: { kind: "constant", value } };
  };
  if (groups.text) return constant(literal(text, inBackticks));
  if (groups.number && NUMBER.test(text)) return constant(Number(text));
  if (text === "true" || text === "false") return constant(text === "true");
  if (text === "(" || text === ")") return { kind: text, text };
  if (groups.operator && (text === "!" || Object.hasOwn(IN_BACKTICKS, text))) return { kind: "operator", text };
  throw new ExpressionError("this is no part of an expression");
}

function literal(text: string, inBackticks: boolean): string {
  if (inBackticks && /(?<!\\)`/.test(text)) throw new ExpressionError("a backtick in a text needs a backslash");
  return text.slice(1, -1).replace(/\\([\\'`])/g, "$1");
}

/** Reads by recursive descent, operators by how strongly they bind (Pratt's way). */
class Parser {
  private readonly tokens: Token[];
  private readonly strengths: Record<string, number>;
  private at = 0;
  private depth = 0;
  private operators = 0;

  constructor(
    text: string,
    private readonly inBackticks: boolean,
  ) {
    this.tokens = [...text.matchAll(TOKEN)].map((match) => token(match, inBackticks));
    this.strengths = inBackticks ? IN_BACKTICKS : OUTSIDE_BACKTICKS;
  }

  whole(): Node {
    const node = this.sequence();
    if (this.ahead.kind !== "end") throw new ExpressionError("a closing parenthesis has no opening one");
    return node;
  }

  private get ahead(): Token {
    return this.tokens[this.at] ?? END;
  }

  private take(): Token {
    const taken = this.ahead;
    this.at += 1;
    return taken;
  }

  private sequence(): Node {
    const first = this.expression(0);
    const members = [first];
    while (this.ahead.kind !== "end" && this.ahead.kind !== ")") {
      if (!this.inBackticks) throw new ExpressionError("an operator is missing between two values");
      members.push(this.expression(0));
    }
    return members.length === 1 ? first : { kind: "join", members };
  }

  /** Return an operand with all operators behind it that bind more strongly than *floor*. */
  private expression(floor: number): Node {
    let left = this.operand();
    while (this.ahead.kind === "operator" && this.ahead.text !== "!") {
      const operator = this.ahead.text;
      const strength = this.strengths[operator];
      if (strength === undefined) throw new ExpressionError("a condition without backticks has no arithmetic");
      if (strength <= floor) break;
      this.take();
      const right = this.expression(strength);
      if (left.kind === "constant" && right.kind === "constant") {
        throw new ExpressionError("an operator has a literal on both sides");
      }
      left = this.operation(operator, [left, right]);
    }
    return left;
  }

  private operand(): Node {
    const taken = this.take();
    if (taken.node !== undefined) return taken.node;
    if (taken.kind === "(") return this.group();
    if (taken.text === "!") return this.deeper(() => this.operation("!", [this.operand()]));
    if (taken.text === "-") return this.negative();
    throw new ExpressionError("an operand is missing");
  }

  private group(): Node {
    const node = this.deeper(() => this.sequence());
    if (this.take().kind !== ")") throw new ExpressionError("a parenthesis is not closed");
    return node;
  }

  private negative(): Node {
    const { node } = this.take();
    if (node?.kind !== "constant" || typeof node.value !== "number") {
      throw new ExpressionError("behind a negative sign a number must stand");
    }
    return { kind: "constant", value: -node.value };
  }

  private deeper(read: () => Node): Node {
    this.depth += 1;
    if (this.depth > MAX_NESTING) throw new ExpressionError("the expression nests too deep");
    const node = read();
    this.depth -= 1;
    return node;
  }

  private operation(operator: string, operands: Node[]): Node {
    this.operators += 1;
    if (this.operators > MAX_OPERATORS) throw new ExpressionError("the expression has too many operators");
    return { kind: "operation", operator, operands };
  }
}

// Evaluating

function applied(operator: string, [left, right]: unknown[]): boolean | number {
  switch (operator) {
    case "!":
      return left !== true;
    case "&&":
      return left === true && right === true;
    case "||":
      return left === true || right === true;
    case "==":
      return isEqual(left, right);
    case "!=":
      return !isEqual(left, right);
  }
  return calculated(operator, numberOf(left), numberOf(right));
}

function calculated(operator: string, left: number, right: number): boolean | number {
  switch (operator) {
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    case "+":
      return finite(left + right);
    case "-":
      return finite(left - right);
    case "*":
      return finite(left * right);
  }
  if (right === 0) return 0;
  return finite(operator === "/" ? left / right : left % right);
}

function isEqual(left: unknown, right: unknown): boolean {
  if (isMissing(left) || isMissing(right)) return isNothing(left) && isNothing(right);
  return isSame(left, right);
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}

function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) ? Object.keys(value).length === 0 : !value;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? finite(value) : 0;
}

function finite(number: number): number {
  return Number.isFinite(number) ? number + 0 : 0;
}
